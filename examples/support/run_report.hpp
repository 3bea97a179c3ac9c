// The report of a pre-training run: curves from the log, results, and pictures of what the model does with a few images.
#pragma once
#include <span>

#include <vitrail/io/config.hpp>
#include <vitrail/io/progress.hpp>
#include <vitrail/io/report.hpp>

#include "evaluate.hpp"
#include "inspect_images.hpp"

// A part of the loss, as its report() names it.
struct Term {
  const char *key, *name, *unit;      // unit "share": shown in percent
  bool predicts_words = false;        // its floor is the entropy of the tokenizer's words
};

// Of the last `count` records that have this key.
double mean_of_last(const std::vector<vitrail::LogRecord>& log, const std::string& key, int count);

// What a run's report says besides its log.
struct RunReport {
  std::string title;  // of the method
  std::span<const Term> terms;
  std::int64_t parameters;
  int vocabulary = 0;  // 0: no tokenizer
  bool predicts_words = false, predicts_pixels = false;
  std::vector<Inspection> shown{};

  void write(const std::filesystem::path& folder, const vitrail::Settings& settings, const Images& images, const std::vector<ResultLine>& results) const;
};

// Six images that are inspected for a report.
vitrail::LoaderConfig report_views(const vitrail::ViTConfig& vit);

template <class P, class Method, class Objective>
void write_run_report(const std::filesystem::path& folder, const vitrail::Settings& settings, vitrail::Cpu& device, Objective& objective, const Images& images,
                      const std::vector<ResultLine>& results, std::uint64_t seed) {
  RunReport report{Method::title, Method::terms, vitrail::count_parameters<Objective>()};
  if constexpr (requires { objective.tokenizer; }) report.vocabulary = P::vocabulary;
  report.predicts_words = PredictsWords<Objective>, report.predicts_pixels = PredictsPixels<Objective>;
  vitrail::BatchLoader loader(images.validation != nullptr ? *images.validation : *images.train, report_views(P::config));
  report.shown = inspect_images<P>(device, objective, loader.next(), vitrail::Random(seed).stream(0x5EE));
  report.write(folder, settings, images, results);
}
