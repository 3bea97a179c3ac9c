#include "run_report.hpp"

#include <cctype>
#include <cmath>

#include "result.hpp"

namespace {

vitrail::Chart curve(const std::vector<vitrail::LogRecord>& log, const std::string& title, const std::string& y,
                     const std::vector<std::pair<std::string, std::string>>& keys, std::vector<vitrail::Level> levels = {},
                     int smooth = 25) {
  vitrail::Chart chart{title, "step", y, {}, std::move(levels)};
  for (const auto& [key, name] : keys) chart.series.push_back({name, vitrail::log_curve(log, "step", key), smooth});
  return chart;
}

}  // namespace

double mean_of_last(const std::vector<vitrail::LogRecord>& log, const std::string& key, int count) {
  double sum = 0;
  int found = 0;
  for (auto record = log.rbegin(); record != log.rend() && found < count; ++record)
    if (!std::isnan(record->number(key))) sum += record->number(key), ++found;
  return found > 0 ? sum / found : std::nan("");
}

vitrail::LoaderConfig report_views(const vitrail::ViTConfig& vit) {
  return vitrail::evaluation_views({.batch = 6, .size = vit.image, .channels = vit.channels}, 1);
}

void RunReport::write(const std::filesystem::path& folder, const vitrail::Settings& settings, const Images& images,
                      const std::vector<ResultLine>& results) const {
  using namespace vitrail;
  const std::vector<LogRecord> log = read_log(folder / "log.jsonl");
  double entropy = 0, used = 0, seconds = 0, speed = 0;
  for (const LogRecord& record : log) {
    if (record.text("event") == "start") entropy = record.number("token_entropy"), used = record.number("tokens_used");
    if (!std::isnan(record.number("seconds"))) seconds += record.number("seconds"), speed = record.number("images_per_second");
  }

  Report report("Pre-training with " + title, images.description);
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<Chart> charts;
  for (const Term& term : terms) {
    const bool share = std::string(term.unit) == "share";
    const double last = mean_of_last(log, term.key, 25);
    std::string name = term.name;
    if (term.predicts_words) facts.emplace_back(name + " below token entropy", detail::printed("%.2f nats", entropy - last));
    else if (share) facts.emplace_back(name, percent(last));
    if (!share) name += " loss";
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    charts.push_back(curve(log, name, term.unit, {{term.key, term.name}},
                           term.predicts_words ? std::vector<Level>{{"token entropy", entropy}} : std::vector<Level>{}));
  }
  facts.emplace_back("training time", detail::duration(seconds));
  facts.emplace_back("speed", detail::printed("%.0f images/s", speed));
  report.facts(facts);
  report.section("Results");
  if (results.empty()) {
    report.paragraph(
        "The images have no labels, so nothing was classified. Sub-folders, one per class, would be labels for evaluation; training uses "
        "none.");
  } else {
    report.paragraph(
        "Accuracy on validation images, with the encoder fixed, beside the same encoder with random weights. Training saw no labels.");
    std::vector<std::vector<std::string>> rows;
    for (const ResultLine& line : results) rows.push_back({line.name, percent(line.pretrained), percent(line.random)});
    report.table({"read-out", "pre-trained", "random encoder"}, rows);
  }
  report.section("Training");
  charts.push_back(curve(log, "k-NN during training", "share", {{"knn", "k-NN, mean of patches"}}, {}, 0));
  charts.push_back(curve(log, "Learning rate", "", {{"learning_rate", "learning rate"}}, {}, 0));
  charts.push_back(curve(log, "Norm of the gradient", "", {{"gradient_norm", "norm"}}));
  report.charts(charts);
  report.section("What the model does");
  if (predicts_words)
    report.paragraph(
        "Grey patches are hidden from the encoder, and a word is predicted for each. Predicted words are drawn as their codebook patches, "
        "with the "
        "true patch's contrast; a codebook of random directions has no pictures and looks like noise.");
  if (predicts_pixels)
    report.paragraph(
        "Grey patches are hidden from the encoder, and their pixels are predicted with mean and contrast removed; they are drawn with the "
        "true ones.");
  report.paragraph("Attention is that of the last block, averaged over heads.");
  for (const Inspection& one : shown)
    report.pictures(one.right < 0 ? "" : percent(one.right) + " of the words predicted exactly", one.row, static_cast<int>(one.row.size()));
  report.section("Settings");
  facts = {{"parameters", std::to_string(parameters)}};
  if (vocabulary > 0) {
    facts.emplace_back("words used", detail::printed("%.0f", used) + " of " + std::to_string(vocabulary));
    facts.emplace_back("token entropy", detail::printed("%.3f nats", entropy));
  }
  report.facts(facts);
  report.code(settings.dump());
  report.write(folder / "report.html");
}
