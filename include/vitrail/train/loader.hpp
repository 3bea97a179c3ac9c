// Batches for training, made in the background: decoding and augmentation run on threads of their own while a step runs.
// Batch k is a function of (set, config, k) alone, so that training resumes anywhere and ignores the number of threads.
#pragma once
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "../core/error.hpp"
#include "../core/part.hpp"
#include "augment/mix.hpp"
#include "image_set.hpp"
#include "views.hpp"

namespace vitrail {

struct LoaderConfig {
  int batch = 64;                // images; of all ranks together, if there are several
  int size = 224, channels = 3;  // of the images that come out
  AugmentConfig augment{};
  std::vector<ViewConfig> views{};  // of each image, those of one size together; none: one view, by `augment`
  MixConfig mix{};                  // of whole batches, after augmentation
  int repeats = 1;                  // of each image, one after the other: repeated augmentation (Hoffer et al. 2020; DeiT: 3). An epoch
                                    // stays as long, and shows 1 / repeats of the images
  std::uint64_t seed = 0;
  bool shuffle = true;  // true: an endless stream of shuffled epochs; false: one pass in order, the last batch shorter
  int workers = 1;      // background threads
  int decode_at_least = 0;  // pixels of the shorter side that a reader must keep; 0: twice the size
  Part part{};              // of each batch, that this loader makes: device.part() of a Parallel device

  int own_batch() const { return batch / part.ranks; }  // images
};

struct Batch {
  int size = 0;                // images
  std::vector<float> images;   // (size, channels, height, width); with views, for each size (size, views, channels, height, width)
  std::vector<int> labels;     // (size); -1: unlabelled
  std::vector<int> indices;    // (size): which images of the set
  std::vector<int> others{};   // (size): labels of the images that were mixed in; without mixing, the labels again
  double share = 1;            // of its own image in each
};

class BatchLoader {
 public:
  // `first`: the number of the batch to begin with, when training resumes.
  BatchLoader(const ImageSet& set, LoaderConfig config, std::int64_t first = 0)
      : set_(&set), config_(config), order_(static_cast<std::size_t>(set.size())), next_batch_(first) {
    if (set.size() == 0) throw ConfigError("loader: the image set is empty; check the data folder");
    check();
    config_.part.mirrored = config_.mix.on();
    next_sample_ = first * config_.own_batch();
    for (const ViewGroup& group : view_groups(config.size, config.views))
      values_ += static_cast<std::size_t>(group.count) * values_of(group.size);
    if (config_.decode_at_least == 0) config_.decode_at_least = 2 * config_.size;
    ring_.resize(3);
    for (int i = 0; i < std::max(1, config.workers); ++i) workers_.emplace_back([this] { work(); });
  }
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;
  ~BatchLoader() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  const LoaderConfig& config() const { return config_; }
  const ImageSet& set() const { return *set_; }
  // Batches in one pass over the set, rounded up.
  std::int64_t batches_per_epoch() const { return (set_->size() + config_.batch - 1) / config_.batch; }

  // The next batch; it stays valid until the call after. An unshuffled loader ends with a batch of size 0.
  const Batch& next() {
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

  // Images that could not be read so far; each was replaced by another one. With the first reason.
  int unreadable() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(unreadable_.size());
  }
  std::string first_unreadable() const {
    const std::lock_guard lock(mutex_);
    return first_reason_;
  }

 private:
  struct Slot {
    Batch batch;
    std::int64_t number = -1;
    int done = 0;
    bool ready = false;
  };

  void check() const {
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
             "; choose a smaller batch");
    if (config_.repeats < 1) refuse("repeats must be at least 1, found " + std::to_string(config_.repeats));
    if (!config_.shuffle && (config_.repeats > 1 || config_.mix.on())) refuse("repeats and mixing are for training; set shuffle = true");
    if (const int own = config_.own_batch(); config_.mix.on() && own % 2 != 0)
      refuse("mixing takes images in pairs, found a batch of " + std::to_string(own) + (part.ranks > 1 ? " for each rank" : "") +
             "; choose an even one");
    vitrail::check(config_.augment);
    vitrail::check(config_.mix);
    if (config_.mix.on() && !config_.views.empty())
      refuse("mixing is for one view of each image, found several; set views or mix, not both");
  }

  bool past_end(std::int64_t number) const { return !config_.shuffle && number >= batches_per_epoch(); }

  void work() {
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
  // What needs the whole batch.
  void finish(Slot& slot, std::int64_t number) const {
    Batch& batch = slot.batch;
    batch.others = batch.labels;
    if (!config_.mix.on()) return;
    Random random = Random(config_.seed).stream(3, static_cast<std::uint64_t>(number));
    batch.share = mix_batch(batch.images.data(), batch.size, config_.channels, config_.size, config_.mix, random);
    std::reverse(batch.others.begin(), batch.others.end());
  }
  void begin(Slot& slot, std::int64_t number) {
    slot.number = number, slot.done = 0, slot.ready = false;
    slot.batch.size = config_.shuffle ? config_.own_batch()
                                      : static_cast<int>(std::min<std::int64_t>(config_.batch, set_->size() - number * config_.batch));
    const std::size_t size = static_cast<std::size_t>(slot.batch.size);
    slot.batch.images.resize(size * values_);
    slot.batch.labels.resize(size);
    slot.batch.indices.resize(size);
  }
  // Numbers of one view.
  std::size_t values_of(int size) const {
    return static_cast<std::size_t>(config_.channels) * static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  }
  // The image at this place of the endless stream of epochs. Called under the lock.
  int index_of(std::int64_t sample) {
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
  void make(Slot& slot, std::int64_t sample, std::size_t place, int index, AugmentScratch& scratch) {
    Random random = Random(config_.seed).stream(2, static_cast<std::uint64_t>(sample));
    const Image image = readable(index);
    slot.batch.labels[place] = set_->label(index);
    slot.batch.indices[place] = index;
    float* const images = slot.batch.images.data();
    if (config_.views.empty())
      augment(image, config_.augment, random, config_.size, config_.channels, images + place * values_, scratch);
    else make_views(image, random, images, place, static_cast<std::size_t>(slot.batch.size), scratch);
  }
  // All views of the image that has this place among the batch's: one size behind the other, and in each an image's views are
  // neighbours.
  void make_views(const Image& image, const Random& random, float* to, std::size_t place, std::size_t images,
                  AugmentScratch& scratch) const {
    std::size_t view = 0, number = 0;  // of the views to come: in its group, and in all
    const std::vector<ViewGroup> groups = view_groups(config_.size, config_.views);
    auto group = groups.begin();
    for (const ViewConfig& config : config_.views)
      for (int i = 0; i < config.count; ++i) {
        const std::size_t count = static_cast<std::size_t>(group->count), values = values_of(group->size);
        Random own = random.stream(number++);
        augment(image, config.augment, own, group->size, config_.channels, to + (place * count + view) * values, scratch);
        if (++view == count) to += images * count * values, view = 0, ++group;
      }
  }
  // The image, or the next one in the set that can be read: which one depends on the files alone.
  Image readable(int& index) {
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

  const ImageSet* set_;
  LoaderConfig config_;
  std::size_t values_ = 0;  // of all views of an image
  std::vector<int> order_;
  std::int64_t epoch_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_sample_ = 0, next_batch_;  // of this rank's
  std::vector<Slot> ring_;
  std::set<int> unreadable_;
  std::string first_reason_;
  std::exception_ptr error_;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

// Throws ConfigError unless a loader gives images of the shape (dyn, C, I, I) that a model sees. `who` begins the message.
template <class Images> void check_images(const LoaderConfig& views, const std::string& who) {
  constexpr int channels = Images::template extent<1>(), size = Images::template extent<2>();
  if (views.size != size || views.channels != channels)
    throw ConfigError(who + ": the model sees " + std::to_string(size) + " pixels and " + std::to_string(channels) +
                      " channels, the loader gives " + std::to_string(views.size) + " and " + std::to_string(views.channels) +
                      "; set size and channels of the loader to the model's");
}

}  // namespace vitrail
