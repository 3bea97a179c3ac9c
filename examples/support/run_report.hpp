// The report of a pre-training run: curves from the log, results, and pictures of what the model does with a few images.
#pragma once
#include <vitrail/eval/attention_maps.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/progress.hpp>
#include <vitrail/io/report.hpp>
#include <vitrail/train/loader.hpp>

#include "evaluate.hpp"
#include "pictures.hpp"

// What a model does with one image: its two branches, and what each predicts for the patches that it does not see.
struct Inspection {
  std::vector<vitrail::Picture> row;  // image, A's view, A's prediction, B's view, B's prediction, attention
  double right = 0;                   // share of words predicted exactly
};

// Looks at `batch` with the objective's own code in evaluation mode. The picture zooms so that an image is about 200 pixels.
template <class P, class Objective>
std::vector<Inspection> inspect_images(vitrail::Cpu& device, Objective& objective, const vitrail::Batch& batch, vitrail::Random random) {
  using namespace vitrail;
  constexpr int size = P::config.image, patch = P::config.patch, channels = P::config.channels, N = Objective::N, M = Objective::M;
  constexpr int zoom = std::max(1, 192 / size), values = channels * size * size, side = Objective::encoder_type::config.patch * zoom;
  constexpr TokenizerConfig words = decltype(objective.tokenizer)::config;
  Arena<Cpu> arena{device};
  using Shape = typename Objective::images_shape;
  const auto images = make_tensor<Shape, float>(arena, Shape(batch.size));
  device.upload(images.at, batch.images.data(), static_cast<std::size_t>(images.shape.size()) * sizeof(float));
  Sampler sampler{random};
  const auto part = objective.draw(sampler, batch.size);
  const auto ids = objective.tokenizer(images);                                                                     // (B, N)
  const auto decoded = objective.reconstruct(images, part);                                                         // (2B, L + N, D)
  const auto guesses = objective.head(gather<Objective::L>(decoded, unfold<2>(part.masked)));                       // (2B, M, K)
  const std::vector<float> maps = attention_maps(objective.encoder, images);                                        // (B, H, N)
  const float* codes = weights<float>(objective.tokenizer.codebook);
  const auto shrunk = patchify<patch, words.shrink()>(images);                                                      // (B, N, P)

  std::vector<Inspection> out;
  for (int b = 0; b < batch.size; ++b) {
    Inspection inspection;
    const float* image = images.at + static_cast<std::ptrdiff_t>(b) * values;
    const Image whole = pictures::from_tensor(image, channels, size, zoom);
    inspection.row.push_back({encode_png(whole), "image"});
    int right = 0;
    for (int branch = 0; branch < 2; ++branch) {
      Image seen = whole;
      std::vector<float> filled(image, image + values);
      const int* masked = part.masked.row(b) + branch * M;
      for (int j = 0; j < M; ++j) {
        pictures::paint(seen, masked[j], side, 128, 128, 128);
        const float* score = guesses.at + (static_cast<std::ptrdiff_t>(2 * b + branch) * M + j) * Objective::K;
        const int word = static_cast<int>(std::max_element(score, score + Objective::K) - score);
        right += word == ids.at[b * N + masked[j]];
        const float* own = shrunk.at + (static_cast<std::ptrdiff_t>(b) * N + masked[j]) * words.values();
        float norm = 0;
        for (int i = 0; i < words.values(); ++i) norm += own[i] * own[i];
        pictures::put_word(filled.data(), channels, size, patch, masked[j], codes + static_cast<std::ptrdiff_t>(word) * words.values(), words.side(),
                           std::sqrt(norm));
      }
      const std::string name = branch == 0 ? "A" : "B";
      inspection.row.push_back({encode_png(seen), "branch " + name + " sees"});
      inspection.row.push_back({encode_png(pictures::from_tensor(filled.data(), channels, size, zoom)), name + " inpaints"});
    }
    inspection.right = static_cast<double>(right) / (2 * M);
    std::vector<float> mean(static_cast<std::size_t>(N), 0.0f);
    constexpr int H = P::config.heads;
    for (int h = 0; h < H; ++h)
      for (int n = 0; n < N; ++n) mean[static_cast<std::size_t>(n)] += maps[static_cast<std::size_t>((b * H + h) * N + n)] / H;
    inspection.row.push_back({encode_png(pictures::heat(whole, mean.data(), P::config.grid())), "attention"});
    out.push_back(std::move(inspection));
  }
  return out;
}

// A part of the loss, as its report() names it.
struct Term {
  const char *key, *name, *unit;      // unit "share": shown in percent
  bool predicts_words = false;        // its floor is the entropy of the tokenizer's words
};

inline vitrail::Chart curve(const std::vector<vitrail::LogRecord>& log, const std::string& title, const std::string& y,
                            const std::vector<std::pair<std::string, std::string>>& keys, std::vector<vitrail::Level> levels = {}, int smooth = 25) {
  vitrail::Chart chart{title, "step", y, {}, std::move(levels)};
  for (const auto& [key, name] : keys) chart.series.push_back({name, vitrail::log_curve(log, "step", key), smooth});
  return chart;
}

inline std::string percent(double share) { return share < 0 || std::isnan(share) ? "-" : vitrail::detail::printed("%.1f %%", 100 * share); }

// Of the last `count` records that have this key.
inline double mean_of_last(const std::vector<vitrail::LogRecord>& log, const std::string& key, int count) {
  double sum = 0;
  int found = 0;
  for (auto record = log.rbegin(); record != log.rend() && found < count; ++record)
    if (!std::isnan(record->number(key))) sum += record->number(key), ++found;
  return found > 0 ? sum / found : std::nan("");
}

template <class P, class Method, class Objective>
void write_run_report(const std::filesystem::path& folder, const vitrail::Settings& settings, vitrail::Cpu& device, Objective& objective, const Images& images,
                      const std::vector<ResultLine>& results, std::uint64_t seed) {
  using namespace vitrail;
  const std::vector<LogRecord> log = read_log(folder / "log.jsonl");
  double entropy = 0, used = 0, seconds = 0, speed = 0;
  for (const LogRecord& record : log) {
    if (record.text("event") == "start") entropy = record.number("token_entropy"), used = record.number("tokens_used");
    if (!std::isnan(record.number("seconds"))) seconds += record.number("seconds"), speed = record.number("images_per_second");
  }

  Report report(std::string("Pre-training with ") + Method::title, images.description);
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<Chart> charts;
  for (const Term& term : Method::terms) {
    const bool share = std::string(term.unit) == "share";
    const double last = mean_of_last(log, term.key, 25);
    std::string name = term.name;
    if (term.predicts_words) facts.emplace_back(name + " below token entropy", detail::printed("%.2f nats", entropy - last));
    else if (share) facts.emplace_back(name, percent(last));
    if (!share) name += " loss";
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    charts.push_back(curve(log, name, term.unit, {{term.key, term.name}}, term.predicts_words ? std::vector<Level>{{"token entropy", entropy}} : std::vector<Level>{}));
  }
  facts.emplace_back("training time", detail::duration(seconds));
  facts.emplace_back("speed", detail::printed("%.0f images/s", speed));
  report.facts(facts);
  report.section("Results");
  if (results.empty()) {
    report.paragraph("The images have no labels, so nothing was classified. Sub-folders, one per class, would be labels for evaluation; training uses none.");
  } else {
    report.paragraph("Accuracy on validation images, with the encoder fixed, beside the same encoder with random weights. Training saw no labels.");
    std::vector<std::vector<std::string>> rows;
    for (const ResultLine& line : results) rows.push_back({line.name, percent(line.pretrained), percent(line.random)});
    report.table({"read-out", "pre-trained", "random encoder"}, rows);
  }
  report.section("Training");
  charts.push_back(curve(log, "k-NN during training", "share", {{"knn", "k-NN, mean of patches"}}, {}, 0));
  charts.push_back(curve(log, "Learning rate", "", {{"learning_rate", "learning rate"}}, {}, 0));
  charts.push_back(curve(log, "Norm of the gradient", "", {{"gradient_norm", "norm"}}));
  report.charts(charts);
  if constexpr (requires { typename Objective::Branches; objective.tokenizer; }) {
    report.section("What the model does");
    report.paragraph("Each branch sees half of the patches and predicts a word for every other one. Predicted words are drawn as their codebook patches, with the "
                     "true patch's contrast; a codebook of random directions has no pictures and looks like noise. Attention is that of the last block, averaged "
                     "over heads.");
    LoaderConfig views{.batch = 6, .size = P::config.image, .channels = P::config.channels};
    views = evaluation_views(views, 1);
    const ImageSet& shown = images.validation != nullptr ? *images.validation : *images.train;
    BatchLoader loader(shown, views);
    for (const Inspection& one : inspect_images<P>(device, objective, loader.next(), Random(seed).stream(0x5EE)))
      report.pictures(percent(one.right) + " of the words predicted exactly", one.row, 6);
  }
  report.section("Settings");
  facts = {{"parameters", std::to_string(count_parameters<Objective>())}};
  if constexpr (requires { objective.tokenizer; }) {
    facts.emplace_back("words used", detail::printed("%.0f", used) + " of " + std::to_string(P::vocabulary));
    facts.emplace_back("token entropy", detail::printed("%.3f nats", entropy));
  }
  report.facts(facts);
  report.code(settings.dump());
  report.write(folder / "report.html");
}
