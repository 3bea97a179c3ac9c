#include "evaluate.hpp"

#include <cstdio>
#include <vitrail/eval/knn.hpp>
#include <vitrail/eval/linear_probe.hpp>
#include <vitrail/eval/pixels.hpp>
#include <vitrail/train/subset.hpp>

#include "command_line.hpp"
#include "result.hpp"

std::string ResultLine::text() const {
  char line[160];
  if (pretrained < 0) std::snprintf(line, sizeof line, "%-40s           random encoder %5.1f %%", name.c_str(), 100 * random);
  else if (random < 0) std::snprintf(line, sizeof line, "%-40s %5.1f %%", name.c_str(), 100 * pretrained);
  else std::snprintf(line, sizeof line, "%-40s %5.1f %%   random encoder %5.1f %%", name.c_str(), 100 * pretrained, 100 * random);
  return line;
}

namespace {

// Of at most 20 neighbours.
double nearest(vitrail::Cpu& device, const vitrail::Features& train, const vitrail::Features& test) {
  return vitrail::knn_accuracy(device, train, test, {.k = std::min(20, train.count)});
}

std::shared_ptr<const vitrail::ImageSet> first(const std::shared_ptr<const vitrail::ImageSet>& set, int limit) {
  if (set->size() <= limit) return set;
  return std::make_shared<vitrail::Subset>(set, vitrail::balanced_choice(*set, limit, vitrail::Random{0xE7A1}));
}

}  // namespace

Evaluation::Evaluation(Device& device, vitrail::Cpu& host, const Images& images, const vitrail::ViTConfig& vit, int limit, int workers)
    : device_(&device), host_(&host) {
  views_ = {.batch = 64, .size = vit.image, .channels = vit.channels};
  views_.workers = workers;
  views_ = vitrail::evaluation_views(views_, 1);
  if (images.validation == nullptr || images.train->classes().size() < 2) return;
  train_ = first(images.train, limit), test_ = first(images.validation, limit);
}

void Evaluation::start(const FeaturesOf& features, const std::optional<vitrail::TokenUsage>& usage, vitrail::JsonlLog& log) {
  std::vector<vitrail::LogField> fields{{"event", "start"}};
  if (usage)
    fields.insert(fields.end(), {{"token_entropy", usage->entropy}, {"tokens_used", usage->used}, {"vocabulary", usage->counts.size()}});
  if (possible())
    for (const ResultLine& line : measure(features)) fields.emplace_back("random: " + line.name, line.pretrained);
  log.write(fields);
  if (possible()) log.write({{"step", 0}, {"knn", knn(features)}});
}

std::vector<ResultLine> Evaluation::finish(const FeaturesOf& features, std::int64_t step, vitrail::JsonlLog& log,
                                           const std::filesystem::path& log_file) {
  if (!possible()) return {};
  std::vector<ResultLine> lines = measure(features);
  log.write({{"step", step}, {"knn", lines[0].pretrained}});
  std::vector<vitrail::LogField> fields{{"event", "end"}, {"step", step}};
  for (const vitrail::LogRecord& record : vitrail::read_log(log_file))
    if (record.text("event") == "start")
      for (ResultLine& line : lines) line.random = record.number("random: " + line.name);
  for (const ResultLine& line : lines) fields.emplace_back(line.name, line.pretrained);
  lines.push_back({"raw pixels, k-NN", pixels(), -1});
  fields.emplace_back(lines.back().name, lines.back().pretrained);
  log.write(fields);
  return lines;
}

void Evaluation::during(double knn, std::int64_t step, vitrail::JsonlLog& log) {
  log.write({{"step", step}, {"knn", knn}});
  say("k-NN, mean of patches, " + percent(knn) + " after step " + std::to_string(step));
}

double Evaluation::pixels() const {
  return nearest(*host_, vitrail::pixel_features(*train_), vitrail::pixel_features(*test_));
}

std::vector<ResultLine> Evaluation::measure(const FeaturesOf& features) {
  using vitrail::Readout;
  const vitrail::Pooling mean{Readout::mean}, grid{Readout::grid, 4};
  const vitrail::Features a = features(*train_, mean), b = features(*test_, mean);
  unreadable_ = train_->size() - a.count + test_->size() - b.count;
  std::vector<ResultLine> lines{{"k-NN, mean of patches", nearest(*host_, a, b)},
                                {"linear probe, mean of patches", vitrail::linear_probe(*host_, a, b).accuracy}};
  const vitrail::Features c = features(*train_, grid), d = features(*test_, grid);
  lines.push_back({"linear probe, 4 x 4 grid", vitrail::linear_probe(*host_, c, d).accuracy});
  return lines;
}

double Evaluation::knn(const FeaturesOf& features) const {
  return nearest(*host_, features(*train_, {}), features(*test_, {}));
}
