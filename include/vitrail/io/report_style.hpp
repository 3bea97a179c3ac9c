// The style sheet of report.html. The series' colours are those of Okabe and Ito ("Color universal design", 2008),
// which people with any colour vision tell apart; lighter in the dark, and dashed from the fifth on.
#pragma once

namespace vitrail::detail {

inline constexpr const char* report_style = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#5b6470;--rule:#e2e5ea;--head:#f0f2f5;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#7a5195;--c7:#5b6470}
@media(prefers-color-scheme:dark){:root{--page:#14171b;--card:#1c2026;--ink:#e6e9ed;--soft:#9aa4b1;--rule:#2e343c;
--head:#232830;--c0:#4ba3e3;--c1:#f2894a;--c2:#3ecf9f;--c3:#e3a0c6;--c4:#f5bd4f;--c5:#8bcdf5;--c6:#b794d6;--c7:#9aa4b1}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","DejaVu Sans",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:28px;padding-bottom:18px;border-bottom:1px solid var(--rule)}
h1{font-size:30px;line-height:1.2;margin:0;letter-spacing:-.015em}
header p{margin:6px 0 0;color:var(--soft)}
h2{font-size:20px;margin:40px 0 12px;letter-spacing:-.01em}
p{margin:0 0 14px;max-width:76ch}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 18px;margin:0 0 18px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px 24px;margin:0 0 18px}
.facts dt{color:var(--soft);font-size:13px}
.facts dd{margin:0;font-size:18px;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto;padding:0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:15px}
th,td{text-align:left;padding:9px 18px;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}
thead th{background:var(--head);font-size:13px;font-weight:600;color:var(--soft)}
td.number,th.number{text-align:right}
figure{margin:0}
figcaption{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:18px;margin:0 0 18px}
.charts .card{margin:0}
.chart h3{font-size:15px;margin:0 0 2px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 6px;padding:0;list-style:none;
font-size:13px;color:var(--soft)}
.legend svg{width:22px;height:8px;margin-right:6px;vertical-align:2px}
.chart>svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}
svg .name{font-size:12.5px}
svg .halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg .grid{stroke:var(--rule)}
svg .base{stroke:var(--soft)}
svg .level{stroke:var(--soft);stroke-dasharray:5 4;stroke-width:1.2}
polyline,.legend line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.faint{opacity:.28}polyline.faint{stroke-width:1}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
.s4{stroke:var(--c4);stroke-dasharray:7 4}.s5{stroke:var(--c5);stroke-dasharray:7 4}
.s6{stroke:var(--c6);stroke-dasharray:2 4}.s7{stroke:var(--c7);stroke-dasharray:2 4}
circle{fill:var(--card);stroke-width:2;stroke-dasharray:none!important}
.pictures{display:grid;gap:14px 12px}
.pictures img{display:block;width:100%;height:auto;border-radius:4px;image-rendering:pixelated;background:var(--head)}
.pictures figcaption{margin-top:4px;font-size:12px;line-height:1.35}
.above{margin:0 0 12px}
pre{margin:0;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
@media(max-width:560px){main{padding:24px 14px 48px}h1{font-size:24px}.chart{overflow-x:auto}
.chart>svg{min-width:440px}}
@media(max-width:760px){.chart:only-child{overflow-x:auto}.chart:only-child>svg{min-width:720px}}
@media print{body{background:#fff}.card{break-inside:avoid}}
)css";

}  // namespace vitrail::detail
