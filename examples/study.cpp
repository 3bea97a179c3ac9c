// The paper's study at the scale of a desk (El-Nouby et al. 2021; Tables 1, 2, 6, 8 and Figures 2, 3): pre-trains with every method,
// fine-tunes, and writes tables and charts of means over seeds. Runs are processes of the programs beside this one; finished ones are never
// repeated.
#include <cmath>
#include <optional>
#include <sstream>
#include <vitrail/io/report.hpp>

#include "support/command_line.hpp"
#include "support/study_runs.hpp"

using namespace vitrail;

namespace {

struct Options {
  std::string table = "all", data = "shapes", small_data, out = "runs/study", preset = "vit_pico_patch4_28_grey",
              small_preset = "vit_nano_patch4_32", precision = "full";
  double scale = 1;
  int seeds = 3, jobs = 2, threads = 1, labels = 1000;
  bool plan = false;
};

void declare(Settings& settings, Options& o) {
  settings.add("table", o.table, "which part", one_of({"all", "methods", "sizes", "tokenizers", "target", "length"}));
  settings.add("data", o.data,
               "labelled images with a validation part: the folder of Fashion-MNIST's IDX files; \"shapes\" for the built-in set");
  settings.add("small_data", o.small_data, "a second, small set for the part \"target\": the folder of clothing10; empty: left out");
  settings.add("out", o.out, "folder of all runs and of the results; runs that are there are not repeated");
  settings.add("preset", o.preset, "the model");
  settings.add("small_preset", o.small_preset, "the model for small_data");
  settings.add("scale", o.scale, "of all numbers of steps", above(0));
  settings.add("labels", o.labels, "labelled images for fine-tuning", at_least(10));
  settings.add("seeds", o.seeds, "runs of everything, with seeds 0, 1, ...", at_least(1));
  settings.add("precision", o.precision, "see pretrain --help", one_of({"full", "bf16"}));
  settings.add("jobs", o.jobs, "runs at a time", at_least(1));
  settings.add("threads", o.threads, "of each run", at_least(1));
  settings.add("plan", o.plan, "print the commands that are left, and stop");
}

struct Statistics {
  int count = 0;
  double mean = 0, deviation = 0;
};
Statistics statistics(const std::vector<double>& values) {
  Statistics s{static_cast<int>(values.size())};
  for (const double v : values) s.mean += v / s.count;
  for (const double v : values) s.deviation += (v - s.mean) * (v - s.mean);
  s.deviation = s.count > 1 ? std::sqrt(s.deviation / (s.count - 1)) : 0;
  return s;
}
std::string text(const Statistics& s, bool sign = false) {
  char out[64];
  if (s.count == 0) return "-";
  const char* const form[2][2] = {{"%.1f", "%.1f\u00a0±\u00a0%.1f"}, {"%+.1f", "%+.1f\u00a0±\u00a0%.1f"}};  // lines break elsewhere
  std::snprintf(out, sizeof out, form[sign][s.count > 1], 100 * s.mean, 100 * s.deviation);
  return out;
}

// A line of a table: runs of one configuration, a key for each seed.
struct Row {
  std::string name;
  double x = 0;                                          // for charts
  std::string series{};                                  // the same
  std::vector<std::string> pretraining{}, finetuning{};  // keys; no pre-training: from scratch
};
struct Table {
  std::string name, title, remark;
  std::string x;  // what a chart's axis means; empty: no chart
  std::vector<Row> rows;
};

class Study {
 public:
  Study(const Options& o, const std::filesystem::path& programs) : o_(o), runs_(programs, o.out, o.jobs, o.threads) {
    const auto wanted = [&](const char* name) { return o.table == "all" || o.table == name; };
    if (wanted("methods")) methods();
    if (wanted("sizes")) sizes();
    if (wanted("tokenizers")) tokenizers();
    if (wanted("target")) target();
    if (wanted("length")) length();
  }

  int run() {
    std::cout << runs_.size() << " runs, " << runs_.left() << " of them to do\n";
    if (o_.plan) {
      for (const std::string& key : runs_.keys())
        if (!runs_.done(key)) std::cout << runs_.command(key) << "\n";
      return 0;
    }
    std::filesystem::create_directories(o_.out);
    const std::size_t missing = runs_.execute();
    write();
    if (missing > 0)
      std::cerr << "study: " << missing << " of " << runs_.size()
                << " runs are missing; their cells are empty. The same command tries them again\n";
    return missing > 0 ? 1 : 0;
  }

 private:
  static constexpr int most = 60'000;  // images, as in Fashion-MNIST; smaller sets give all

  // Pre-training of `steps` steps; `images`: of the training set, 0 for all.
  struct Pretraining {
    std::string program;
    double steps = 1000;
    int images = 10'000;
    std::string tokenizer = "patches";
    std::string data{}, preset{};
    std::string pool = "mean";  // what fine-tuning reads: what the method trains to describe the image
  };
  std::string steps(double n) const { return std::to_string(std::max<std::int64_t>(1, std::llround(n * o_.scale))); }

  Row row(const std::string& name, const Pretraining& p) {
    Row row{name};
    const bool uses_words = p.program == "pretrain" || p.program == "pretrain_beit" || p.program == "pretrain_split_inpaint";
    for (int seed = 0; seed < o_.seeds; ++seed) {
      study::Run run{p.program, {{"data", p.data.empty() ? o_.data : p.data}, {"preset", p.preset.empty() ? o_.preset : p.preset}}, "", ""};
      run.options.insert(run.options.end(), {{"steps", steps(p.steps)},
                                             {"images", std::to_string(p.images)},
                                             {"learning-rate", "1.5e-3"},
                                             {"crop-min", "0.5"},
                                             {"evaluate-every", "0"},
                                             {"precision", o_.precision},
                                             {"seed", std::to_string(seed)}});
      if (uses_words) run.options.emplace_back("tokenizer", p.tokenizer);
      row.pretraining.push_back(runs_.add(run));
      row.finetuning.push_back(finetune(seed, row.pretraining.back(), p));
    }
    return row;
  }
  Row scratch(const Pretraining& p) {
    Row row{"from scratch"};
    for (int seed = 0; seed < o_.seeds; ++seed) row.finetuning.push_back(finetune(seed, "", p));
    return row;
  }
  std::string finetune(int seed, const std::string& encoder, const Pretraining& p) {
    const bool small = !p.data.empty();
    return runs_.add({"finetune",
                      {{"data", small ? p.data : o_.data},
                       {"preset", small ? p.preset : o_.preset},
                       {"labels", small ? "0" : std::to_string(o_.labels)},
                       {"steps", steps(600)},
                       {"crop-min", "0.8"},
                       {"pool", p.pool},
                       {"precision", o_.precision},
                       {"seed", std::to_string(seed)}},
                      encoder,
                      "encoder.safetensors"});
  }

  void methods() {
    Table t{"methods", "Methods (paper: Table 8)", "The same number of updates of 64 images for every method.", "", {}};
    t.rows = {row("SplitMask (split, inpaint, match)", {"pretrain"}),
              row("split and inpaint", {"pretrain_split_inpaint"}),
              row("split and match", {"pretrain_split_match"}),
              row("BEiT", {"pretrain_beit"}),
              row("MAE", {"pretrain_mae"}),
              row("DINO", {.program = "pretrain_dino", .pool = "class_token"}),
              row("MoCo v3", {.program = "pretrain_moco_v3", .pool = "class_token"}),
              scratch({"pretrain"})};
    tables_.push_back(std::move(t));
  }
  void sizes() {
    Table t{"sizes",
            "Size of the pre-training set (paper: Table 1, Figure 2)",
            "Equal updates; fine-tuning is the same for all.",
            "images to pre-train on",
            {}};
    for (const auto& [name, program, pool] :
         {std::tuple{"SplitMask", "pretrain", "mean"}, {"BEiT", "pretrain_beit", "mean"}, {"DINO", "pretrain_dino", "class_token"}})
      for (const int images : {300, 2'000, 10'000, most}) {
        t.rows.push_back(
            row(std::string(name) + ", " + std::to_string(images) + " images", {.program = program, .images = images, .pool = pool}));
        t.rows.back().x = images, t.rows.back().series = name;
      }
    tables_.push_back(std::move(t));
  }
  void tokenizers() {
    Table t{
        "tokenizers", "Tokenizers (paper: Table 2)", "BEiT with words from three tokenizers that need no training of their own.", "", {}};
    for (const auto& [name, tokenizer] :
         {std::pair{"random projection", "projection"}, {"random patches", "patches"}, {"k-means", "kmeans"}})
      t.rows.push_back(row(name, {.program = "pretrain_beit", .tokenizer = tokenizer}));
    tables_.push_back(std::move(t));
  }
  void target() {
    Table t{"target", "Pre-training on the target set (paper: Table 6)", "At most 60,000 images, without labels.", "", {}};
    t.rows = {row("SplitMask", {.program = "pretrain", .images = most}), row("BEiT", {.program = "pretrain_beit", .images = most}),
              scratch({"pretrain"})};
    tables_.push_back(t);
    if (o_.small_data.empty()) return;
    t.title += ", a small set", t.remark = "All images of " + o_.small_data + ", and all its labels.";
    const Pretraining small{.program = "pretrain", .images = 0, .data = o_.small_data, .preset = o_.small_preset};
    Pretraining beit = small;
    beit.program = "pretrain_beit";
    t.rows = {row("SplitMask", small), row("BEiT", beit), scratch(small)};
    tables_.push_back(std::move(t));
  }
  void length() {
    Table t{"length", "Length of pre-training (paper: Figures 3 and 6)", "SplitMask on 2,000 images.", "steps of pre-training", {}};
    for (const double n : {125, 250, 500, 1000, 2000, 4000}) {
      t.rows.push_back(row(steps(n) + " steps", {.program = "pretrain", .steps = n, .images = 2'000}));
      t.rows.back().x = std::stod(steps(n)), t.rows.back().series = "SplitMask";
    }
    tables_.push_back(std::move(t));
  }

  // A number of a run's result; none where the run is not done, or has no such number.
  std::optional<double> number(const std::string& key, const std::string& field) const {
    if (!runs_.done(key)) return std::nullopt;
    const nlohmann::json result = runs_.result(key);
    if (!result.contains(field) || !result[field].is_number()) return std::nullopt;
    return result[field].get<double>();
  }
  Statistics of(const std::vector<std::string>& keys, const std::string& field) const {
    std::vector<double> values;
    for (const std::string& key : keys)
      if (const auto found = number(key, field)) values.push_back(*found);
    return statistics(values);
  }
  // Of a row less another, seed by seed: what the seeds share does not blur it.
  Statistics gain(const Row& row, const Row& than) const {
    std::vector<double> values;
    for (std::size_t seed = 0; seed < row.finetuning.size(); ++seed) {
      const auto here = number(row.finetuning[seed], accuracy), there = number(than.finetuning[seed], accuracy);
      if (here && there) values.push_back(*here - *there);
    }
    return statistics(values);
  }
  static constexpr const char *accuracy = "validation_accuracy", *probe = "linear probe, mean of patches",
                              *grid = "linear probe, 4 x 4 grid";

  void write() const {
    Report report("The study",
                  "fine-tuning and linear probes; mean and standard deviation over " + std::to_string(o_.seeds) + " seeds, percent");
    std::ostringstream markdown;
    for (const Table& t : tables_) {
      report.section(t.title).paragraph(t.remark);
      const std::vector<std::string> head{
          "", "fine-tuning", "less the first row's", "linear probe, mean", "the same, random encoder", "linear probe, grid", "runs"};
      std::vector<std::vector<std::string>> lines;
      Chart chart{.title = "Fine-tuning", .x_label = t.x, .y_label = "accuracy", .series = {}, .log_x = true};
      for (const Row& r : t.rows) {
        const Statistics tuned = of(r.finetuning, accuracy);
        lines.push_back({r.name, text(tuned), &r == &t.rows.front() ? "" : text(gain(r, t.rows.front()), true),
                         text(of(r.pretraining, probe)), text(of(r.pretraining, std::string("random: ") + probe)),
                         text(of(r.pretraining, grid)), std::to_string(tuned.count)});
        if (t.x.empty() || tuned.count == 0) continue;
        if (chart.series.empty() || chart.series.back().name != r.series) chart.series.push_back({r.series, {}});
        chart.series.back().points.emplace_back(r.x, tuned.mean), chart.series.back().spread.push_back(tuned.deviation);
      }
      report.table(head, lines);
      if (!chart.series.empty()) report.charts({chart});
      markdown << "## " << t.title << "\n\n" << t.remark << "\n\n";
      const auto put = [&](const std::vector<std::string>& cells) {
        markdown << "|";
        for (const std::string& cell : cells) markdown << " " << cell << " |";
        markdown << "\n";
      };
      put(head), put(std::vector<std::string>(head.size(), "---"));
      for (const auto& line : lines) put(line);
      markdown << "\n";
    }
    write_atomically(std::filesystem::path(o_.out) / "study.md", markdown.str());
    report.write(std::filesystem::path(o_.out) / "study.html");
    std::cout << "\n" << markdown.str() << "tables: " << o_.out << "/study.md, with charts: " << o_.out << "/study.html\n";
  }

  Options o_;
  study::Runs runs_;
  std::vector<Table> tables_;
};

}  // namespace

int main(int argc, char** argv) {
  return guarded("study", [&] {
    Options options;
    Settings settings;
    declare(settings, options);
    CommandLine line("The paper's study at the scale of a desk.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    return Study(options, std::filesystem::absolute(argv[0]).parent_path()).run();
  });
}
