// Trains Mask R-CNN on annotated pictures, from a pre-trained encoder or from scratch, and measures it as COCO does on pictures that it has not
// seen. Writes config.json, log.jsonl, checkpoint.safetensors (to resume), detector.safetensors, result.json, report.html and, for a COCO data
// set, detections.json to a run folder.
#include <cmath>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/eval/detect.hpp>
#include <vitrail/io/png.hpp>
#include <vitrail/io/report.hpp>
#include <vitrail/io/training_log.hpp>
#include <vitrail/objectives/mask_rcnn.hpp>
#include <vitrail/train/object_subset.hpp>

#include "support/command_line.hpp"
#include "support/detect_options.hpp"
#include "support/detection_pictures.hpp"
#include "support/presets.hpp"
#include "support/result.hpp"
#include "support/run_folder.hpp"

using namespace vitrail;

namespace {

// An encoder's configuration with blocks that can be left out, and the heads that fit its pictures.
constexpr ViTConfig droppable(ViTConfig config) {
  config.drop_path_percent = 5;
  return config;
}
constexpr DetectorConfig heads_for(const ViTConfig& vit, int classes) {
  if (vit.image >= 224) return {.classes = classes};
  return {.classes = classes, .objects = 30, .width = 64, .hidden = 256, .proposals = 200, .per_level = 400, .regions = 64, .detections = 50};
}

// Calls f(name, config) for each model; the first is the default.
template <class F> void each_model(F&& f) {
  f("vit_micro_patch8_64", Preset<vit_micro_patch8_64, 0>{});
  if constexpr (!first_preset_only) f("vit_tiny_patch8_96", Preset<vit_tiny_patch8_96, 0>{}), f("vit_small_patch16_224", Preset<vit_small_patch16_224, 0>{});
}

using Facts = std::vector<std::pair<std::string, double>>;
Facts facts_of(const DetectionReport& r) {
  return {{"box_ap", r.boxes.ap},   {"box_ap50", r.boxes.ap50},   {"box_ap75", r.boxes.ap75},   {"box_ar100", r.boxes.ar100},
          {"mask_ap", r.masks.ap}, {"mask_ap50", r.masks.ap50}, {"mask_ap75", r.masks.ap75}, {"mask_ar100", r.masks.ar100}};
}

// What was annotated and what is found, side by side, in the first pictures.
template <class Detector>
std::vector<Picture> pictures_of(Device& device, const Detector& detector, const std::shared_ptr<const ObjectSet>& images, const DetectConfig& config) {
  std::vector<int> first;
  for (int i = 0; i < std::min(8, images->size()); ++i) first.push_back(i);
  const ObjectSubset shown(images, first);
  std::vector<Picture> all;
  detect<ValueType>(device, detector, shown, config, [&](int index, int width, int height, const std::vector<Detection>& found) {
    const int zoom = std::max(1, 256 / std::max(width, height));
    Image truth = pictures::enlarged(shown.image(index), zoom), seen = truth;
    const Objects objects = shown.objects(index);
    for (const Object& o : objects.all) pictures::draw_object(truth, zoom, o.label, o.box, o.mask);
    std::string words;
    for (const Detection& d : found) {
      if (d.score < 0.3f) break;
      pictures::draw_object(seen, zoom, d.label, d.box, d.mask);
      words += (words.empty() ? "" : ", ") + shown.classes()[static_cast<std::size_t>(d.label)] + detail::printed(" %.2f", static_cast<double>(d.score));
    }
    all.push_back({encode_png(truth), "annotated"}), all.push_back({encode_png(seen), words.empty() ? "nothing above 0.3" : words});
  });
  return all;
}

void write_report(const std::filesystem::path& folder, const AnnotatedImages& images, const std::vector<Picture>& shown, const DetectionReport& result,
                  const Settings& settings) {
  const std::vector<LogRecord> log = read_log(folder / "log.jsonl");
  Report report("Detection with Mask R-CNN", images.description);
  report.facts({{"boxes, AP", percent(result.boxes.ap)}, {"masks, AP", percent(result.masks.ap)}, {"boxes, AP at 0.5", percent(result.boxes.ap50)},
                {"masks, AP at 0.5", percent(result.masks.ap50)}});
  report.section("Results");
  report.paragraph("Average precision as COCO measures it, on validation pictures: the mean over overlaps from 0.50 to 0.95, and at two of them.");
  report.table({"", "AP", "AP 0.50", "AP 0.75", "small", "medium", "large", "recall, 100"},
               {{"boxes", percent(result.boxes.ap), percent(result.boxes.ap50), percent(result.boxes.ap75), percent(result.boxes.ap_small),
                 percent(result.boxes.ap_medium), percent(result.boxes.ap_large), percent(result.boxes.ar100)},
                {"masks", percent(result.masks.ap), percent(result.masks.ap50), percent(result.masks.ap75), percent(result.masks.ap_small),
                 percent(result.masks.ap_medium), percent(result.masks.ap_large), percent(result.masks.ar100)}});
  std::vector<std::vector<std::string>> classes;
  for (std::size_t k = 0; k < images.train->classes().size(); ++k)
    classes.push_back({images.train->classes()[k], percent(result.boxes.by_class[k]), percent(result.masks.by_class[k])});
  report.table({"class", "boxes, AP", "masks, AP"}, classes);
  report.section("What it finds");
  report.paragraph("Annotated objects, and beside them what is found with a score of 0.3 or more.");
  report.pictures("", shown, 4);
  report.section("Training");
  const auto curve = [&](const std::string& title, const std::vector<std::pair<std::string, std::string>>& keys) {
    Chart chart{title, "step", "", {}, {}};
    for (const auto& [key, name] : keys) chart.series.push_back({name, log_curve(log, "step", key), 25});
    return chart;
  };
  report.charts({curve("Loss", {{"loss", "all parts"}}), curve("Anchors", {{"anchor_class", "object or not"}, {"anchor_box", "where"}}),
                 curve("Regions", {{"box_class", "class"}, {"box", "where"}}), curve("Masks", {{"mask", "cross-entropy"}}),
                 curve("Norm of the gradient", {{"gradient_norm", "norm"}})});
  report.section("Settings");
  report.code(settings.dump());
  report.write(folder / "report.html");
}

template <class Encoder, int Classes>
int run(const DetectOptions& o, const Settings& settings, const AnnotatedImages& images) {
  using Detector = MaskRcnn<Encoder, heads_for(Encoder::config, Classes)>;
  const Cost needed = cost<Detector, ValueType>(o.batch);
  Device device(o.device.config());
  require_memory(device, needed.peak_bytes);
  std::cout << text(needed) << "\n";
  Model<Detector, Device, ValueType> model{device, o.random().stream(0xDE7)};
  model->encoder.transformer.set_drop_path(o.drop_path);
  AdamW optimizer{model, {.weight_decay = o.weight_decay, .clip_norm = o.clip, .layer_decay = o.layer_decay}};
  RunFolder folder(o.out, {{"program", "vitrail detect"}}, settings, o.fresh);
  folder.resume(model, optimizer, o.steps);
  if (!folder.resumed() && !o.encoder.empty()) load(o.encoder, model->encoder);
  BatchLoader loader(*images.train, o.training_views(Encoder::config), optimizer.steps());
  JsonlLog& log = folder.begin(optimizer.steps());

  const DetectConfig look{.batch = o.batch};
  const auto judge = [&](std::int64_t step) {
    const DetectionReport found = measure_detector(model, *images.validation, look);
    std::vector<LogField> record{{"step", step}};
    for (const auto& [name, share] : facts_of(found)) record.emplace_back(name, share);
    log.write(record);
    say("AP of boxes " + percent(found.boxes.ap) + ", of masks " + percent(found.masks.ap) + " (at an overlap of 0.5: " +
        percent(found.boxes.ap50) + ", " + percent(found.masks.ap50) + ") on " + std::to_string(images.validation->size()) + " pictures");
    return found;
  };
  const FitConfig config{.steps = o.steps, .seed = static_cast<std::uint64_t>(o.seed)};
  const StepReport last = folder.fit(model, optimizer, o.schedule(), loader, config, o.checkpoint_every, log_to(log, 10), [&](const StepReport& r) {
    if (o.evaluates_after(r)) judge(r.step);
  });
  save(folder / "detector.safetensors", *model, {{"preset", o.preset}, {"classes", std::to_string(Classes)}});
  const DetectionReport found = judge(o.steps);
  if (images.coco != nullptr) {
    std::vector<std::vector<Detection>> all;
    detect<ValueType>(device, *model, *images.coco, look, [&](int, int, int, std::vector<Detection>&& one) { all.push_back(std::move(one)); });
    write_coco_results(folder / "detections.json", *images.coco, all);
  }
  Result result;
  for (const auto& [name, share] : facts_of(found)) result.add(name, share);
  result.add("validation_pictures", images.validation->size()).add("encoder", o.encoder).add("seed", o.seed);
  if (std::isfinite(last.loss)) result.add("training_loss", last.loss);
  result.write(folder / "result.json");
  write_report(folder.path(), images, pictures_of(device, *model, images.validation, look), found, settings);
  std::cout << "report: " << (folder / "report.html").string() << "\n";
  return 0;
}

// The compiled model that the settings ask for.
template <class P> int run_preset(DetectOptions& o, const Settings& settings) {
  using Encoder = ViT<droppable(P::config)>;
  AnnotatedImages images = open_annotated(o, Encoder::config.image);
  images.use(o.images, o.random().stream(0x5B5E));
  o.fit_batch(settings, images.train->size());
  const std::size_t classes = images.train->classes().size();
  if (classes < 1 || classes > 80)
    throw ConfigError("expected 1 to 80 classes, for which this program is compiled, found " + std::to_string(classes) + " in " + o.data);
  std::cout << o.preset << (o.encoder.empty() ? " from scratch, " : " from " + o.encoder + ", ") << images.description << "\n";
  return classes <= 10 ? run<Encoder, 10>(o, settings, images) : run<Encoder, 80>(o, settings, images);
}

}  // namespace

int main(int argc, char** argv) {
  return guarded("detect", [&] {
    DetectOptions options;
    Settings settings;
    std::vector<std::string> names;
    each_model([&](const char* name, auto) { names.emplace_back(name); });
    declare(settings, options, names);
    CommandLine line("Trains Mask R-CNN on annotated pictures.", settings);
    const int code = line.parse(argc, argv);
    if (code >= 0) return code;
    take_preset(settings, options.encoder);
    int result = 1;
    each_model([&](const char* name, auto preset) {
      if (options.preset == name) result = run_preset<decltype(preset)>(options, settings);
    });
    return result;
  });
}
