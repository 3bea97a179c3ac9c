// Bodies of BatchLoader.
#pragma once
#include <algorithm>

#include "../loader.hpp"

namespace vitrail {

namespace detail {
// Appends the part of a picture that its plan reads, and says where it is.
inline ViewPlan keep_part(const Image& image, ViewPlan plan, std::vector<std::uint8_t>& bytes) {
  const auto window = [&](const ResampleAxis& axis, int i) { return ResampleWindow(axis, plan.filter, i); };
  plan.left = window(plan.across, 0).from, plan.top = window(plan.down, 0).from;
  plan.width = window(plan.across, plan.across.size - 1).to - plan.left;
  const int bottom = window(plan.down, plan.down.size - 1).to;
  plan.at = static_cast<std::int64_t>(bytes.size());
  for (int y = plan.top; y < bottom; ++y) {
    const std::uint8_t* const row = image.at(plan.left, y);
    bytes.insert(bytes.end(), row, row + static_cast<std::ptrdiff_t>(plan.width) * image.channels);
  }
  return plan;
}

VITRAIL_FUNCTION void check_images(const LoaderConfig& views, const std::string& who, int channels, int size) {
  if (views.size != size || views.channels != channels)
    throw ConfigError(who + ": the model sees " + std::to_string(size) + " pixels and " + std::to_string(channels) +
                      " channels, the loader gives " + std::to_string(views.size) + " and " + std::to_string(views.channels) +
                      "; set size and channels of the loader to the model's");
}
}  // namespace detail

VITRAIL_FUNCTION BatchLoader::BatchLoader(const ImageSet& set, LoaderConfig config, std::int64_t first)
    : set_(&set), config_(config), order_(static_cast<std::size_t>(set.size())), next_batch_(first) {
  if (set.size() == 0) throw ConfigError("loader: the image set is empty; check the data folder");
  check();
  config_.part.mirrored = config_.mix.on();
  next_sample_ = first * config_.own_batch();
  for (const ViewGroup& group : view_groups(config.size, config.views)) {
    views_ += static_cast<std::size_t>(group.count);
    values_ += static_cast<std::size_t>(group.count) * values_of(group.size);
  }
  if (config_.decode_at_least == 0) config_.decode_at_least = 2 * config_.size;
  ring_.resize(3);
  for (int i = 0; i < std::max(1, config.workers); ++i) workers_.emplace_back([this] { work(); });
}

VITRAIL_FUNCTION BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

VITRAIL_FUNCTION const Batch& BatchLoader::next() {
  std::unique_lock lock(mutex_);
  const std::int64_t number = next_batch_++;
  if (number > 0) changed_.notify_all();
  Slot& slot = ring_[static_cast<std::size_t>(number) % ring_.size()];
  changed_.wait(lock, [&] { return error_ != nullptr || (slot.number == number && slot.ready) || past_end(number); });
  if (error_ != nullptr) std::rethrow_exception(error_);
  if (past_end(number)) {
    slot.batch.size = 0;
    return slot.batch;
  }
  return slot.batch;
}

VITRAIL_FUNCTION int BatchLoader::unreadable() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(unreadable_.size());
}

VITRAIL_FUNCTION std::string BatchLoader::first_unreadable() const {
  const std::lock_guard lock(mutex_);
  return first_reason_;
}

VITRAIL_FUNCTION void BatchLoader::check() const {
  const auto refuse = [](const std::string& what) { throw ConfigError("loader: " + what); };
  const int n = set_->size(), batch = config_.batch;
  const Part& part = config_.part;
  if (part.ranks < 1 || part.rank < 0 || part.rank >= part.ranks)
    refuse("part must be a rank of 0 .. ranks - 1, found rank " + std::to_string(part.rank) + " of " + std::to_string(part.ranks) +
           "; set it to device.part()");
  if (batch % part.ranks != 0)
    refuse("a batch of " + std::to_string(batch) + " images cannot be shared evenly by " + std::to_string(part.ranks) +
           " ranks; choose a multiple of their number");
  if (part.ranks > 1 && !config_.shuffle) refuse("ranks share batches of training; set shuffle = true, or evaluate with part = {}");
  if (batch < 1) refuse("batch must be at least 1, found " + std::to_string(batch));
  if (config_.shuffle && batch > n)
    refuse("a batch of " + std::to_string(batch) + " images needs a set of as many, found " + std::to_string(n) +
           "; choose a smaller batch, or add images");
  if (config_.repeats < 1) refuse("repeats must be at least 1, found " + std::to_string(config_.repeats));
  if (!config_.shuffle && (config_.repeats > 1 || config_.mix.on())) refuse("repeats and mixing are for training; set shuffle = true");
  if (const int own = config_.own_batch(); config_.mix.on() && own % 2 != 0)
    refuse("mixing takes images in pairs, found a batch of " + std::to_string(own) + (part.ranks > 1 ? " for each rank" : "") +
           "; choose an even one");
  vitrail::check(config_.augment);
  vitrail::check(config_.mix);
  if (config_.mix.on() && !config_.views.empty())
    refuse("mixing is for one view of each image, found several; set views or mix, not both");
  if (config_.objects) {
    if (!set_->annotated())
      refuse("objects are asked for, and nobody annotated them in these images; give an ObjectSet, such as CocoImages");
    if (!config_.views.empty() || config_.mix.on() || config_.augment.rand.operations > 0 || config_.augment.erase > 0)
      refuse("objects are followed through crops and flips of one view; leave out views, mixing, RandAugment and erasing");
  }
  if (config_.rendering == Rendering::by_loader) return;
  if (config_.mix.on()) refuse("mixing needs views that the loader renders; set Rendering::by_loader, or leave mix alone");
  if (config_.views.empty()) check_plannable(config_.augment, config_.size);
  for (const ViewConfig& view : config_.views) check_plannable(view.augment, view.size == 0 ? config_.size : view.size);
}

VITRAIL_FUNCTION void BatchLoader::work() {
  AugmentScratch scratch;
  std::unique_lock lock(mutex_);
  while (true) {
    // A slot may be refilled when its batch is two behind the one that the trainer holds.
    changed_.wait(lock, [&] {
      return stop_ || (!past_end(next_sample_ / config_.own_batch()) &&
                       next_sample_ / config_.own_batch() < next_batch_ - 1 + static_cast<std::int64_t>(ring_.size()));
    });
    if (stop_) return;
    const int own = config_.own_batch(), place = static_cast<int>(next_sample_ % own);
    const std::int64_t number = next_sample_++ / own;
    const std::int64_t sample = number * config_.batch + config_.part.place(place, own);  // of all ranks'
    if (!config_.shuffle && sample >= set_->size()) {  // the rest of a short last batch
      next_sample_ = (number + 1) * own;
      continue;
    }
    Slot& slot = ring_[static_cast<std::size_t>(number) % ring_.size()];
    if (slot.number != number) begin(slot, number);
    const int index = index_of(sample);
    lock.unlock();
    try {
      make(slot, sample, static_cast<std::size_t>(place), index, scratch);
      lock.lock();
    } catch (...) {
      lock.lock();
      error_ = std::current_exception();
      stop_ = true;
    }
    if (++slot.done == slot.batch.size && error_ == nullptr) {
      lock.unlock();
      finish(slot, number);
      lock.lock();
      slot.ready = true;
    }
    if (slot.ready || error_ != nullptr) changed_.notify_all();
  }
}

VITRAIL_FUNCTION void BatchLoader::finish(Slot& slot, std::int64_t number) const {
  Batch& batch = slot.batch;
  batch.others = batch.labels;
  if (!config_.mix.on()) return;
  Random random = Random(config_.seed).stream(3, static_cast<std::uint64_t>(number));
  batch.share = mix_batch(batch.images.data(), batch.size, config_.channels, config_.size, config_.mix, random);
  std::reverse(batch.others.begin(), batch.others.end());
}

VITRAIL_FUNCTION void BatchLoader::begin(Slot& slot, std::int64_t number) {
  slot.number = number, slot.done = 0, slot.ready = false;
  slot.batch.size = config_.shuffle ? config_.own_batch()
                                    : static_cast<int>(std::min<std::int64_t>(config_.batch, set_->size() - number * config_.batch));
  const std::size_t size = static_cast<std::size_t>(slot.batch.size);
  if (config_.rendering == Rendering::by_loader) {
    slot.batch.images.resize(size * values_);
  } else {
    slot.batch.plans.resize(size * views_);
    slot.batch.pictures.resize(size);
  }
  slot.batch.labels.resize(size);
  slot.batch.objects.resize(config_.objects ? size : 0);
  slot.batch.indices.resize(size);
}

VITRAIL_FUNCTION int BatchLoader::index_of(std::int64_t sample) {
  const std::int64_t n = set_->size();
  if (!config_.shuffle) return static_cast<int>(sample);
  if (sample / n != epoch_) {
    epoch_ = sample / n;
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<int>(i);
    Random random = Random(config_.seed).stream(1, static_cast<std::uint64_t>(epoch_));
    random.shuffle(order_.data(), static_cast<int>(n));
  }
  return order_[static_cast<std::size_t>(sample % n / config_.repeats)];
}

VITRAIL_FUNCTION void BatchLoader::make(Slot& slot, std::int64_t sample, std::size_t place, int index, AugmentScratch& scratch) {
  Random random = Random(config_.seed).stream(2, static_cast<std::uint64_t>(sample));
  const Image image = readable(index);
  slot.batch.labels[place] = set_->label(index);
  slot.batch.indices[place] = index;
  if (config_.objects) make_objects(slot, place, index, image, random);
  const std::size_t images = static_cast<std::size_t>(slot.batch.size);
  if (config_.rendering == Rendering::by_device) {
    std::vector<std::uint8_t>& bytes = slot.batch.pictures[place];
    bytes.clear();
    each_view(random, place, images, [&](const AugmentConfig& config, Random own, int size, std::size_t view, std::size_t) {
      slot.batch.plans[view] = detail::keep_part(image, plan_view(image, config, own, size, config_.channels), bytes);
    });
  } else {
    each_view(random, place, images, [&](const AugmentConfig& config, Random own, int size, std::size_t, std::size_t values) {
      augment(image, config, own, size, config_.channels, slot.batch.images.data() + values, scratch);
    });
  }
}

// `random` is a copy: the cut is drawn as it will be for the view.
VITRAIL_FUNCTION void BatchLoader::make_objects(Slot& slot, std::size_t place, int index, const Image& image, Random random) {
  const ViewPlan cut = detail::plan_cut(image, config_.augment, random, config_.size, config_.channels);
  slot.batch.objects[place] = set_->objects_in_view(index, image.width, image.height, cut);
}

template <class F> void BatchLoader::each_view(const Random& random, std::size_t place, std::size_t images, F f) const {
  if (config_.views.empty()) return f(config_.augment, random, config_.size, place, place * values_);
  std::size_t view = 0, number = 0, views = 0, values = 0;  // of the views to come, in its group and in all; of the groups before
  const std::vector<ViewGroup> groups = view_groups(config_.size, config_.views);
  auto group = groups.begin();
  for (const ViewConfig& config : config_.views)
    for (int i = 0; i < config.count; ++i) {
      const std::size_t count = static_cast<std::size_t>(group->count), of_view = values_of(group->size), at = place * count + view;
      f(config.augment, random.stream(number++), group->size, views + at, values + at * of_view);
      if (++view == count) views += images * count, values += images * count * of_view, view = 0, ++group;
    }
}

VITRAIL_FUNCTION Image BatchLoader::readable(int& index) {
  for (int tries = 0; tries < set_->size(); ++tries) {
    try {
      return set_->image(index, config_.decode_at_least);
    } catch (const FileError& error) {
      const std::lock_guard lock(mutex_);
      if (unreadable_.empty()) first_reason_ = error.what();
      unreadable_.insert(index);
      index = (index + 1) % set_->size();
    }
  }
  throw FileError("loader: none of the " + std::to_string(set_->size()) + " images can be read; the first reason: " + first_unreadable());
}

}  // namespace vitrail
