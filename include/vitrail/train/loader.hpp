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

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/part.hpp"
#include "augment/mix.hpp"
#include "image_set.hpp"
#include "views.hpp"

namespace vitrail {

// Who makes views from decoded pictures.
enum class Rendering : char {
  by_loader,  // its threads
  by_device   // the training loop, on its device: a batch holds plans and pictures. Not for RandAugment, erasing and mixing
};

struct LoaderConfig {
  int batch = 64;                // images; of all ranks together, if there are several
  int size = 224, channels = 3;  // of the images that come out
  AugmentConfig augment{};
  std::vector<ViewConfig> views{};  // of each image, those of one size together; none: one view, by `augment`
  MixConfig mix{};                  // of whole batches, after augmentation
  bool objects = false;             // also what is to be seen in each view, of an ObjectSet: for detectors
  int repeats = 1;                  // of each image, one after the other: repeated augmentation (Hoffer et al. 2020; DeiT: 3). An epoch
                                    // stays as long, and shows 1 / repeats of the images
  std::uint64_t seed = 0;
  bool shuffle = true;  // true: an endless stream of shuffled epochs; false: one pass in order, the last batch shorter
  int workers = 1;      // background threads
  int decode_at_least = 0;  // pixels of the shorter side that a reader must keep; 0: twice the size
  Rendering rendering = Rendering::by_loader;
  Part part{};              // of each batch, that this loader makes: device.part() of a Parallel device

  int own_batch() const { return batch / part.ranks; }  // images
};

struct Batch {
  int size = 0;                // images
  std::vector<float> images;   // (size, channels, height, width); with views, for each size (size, views, channels, height, width).
                               // Empty where a device renders
  std::vector<int> labels;     // (size); -1: unlabelled
  std::vector<int> indices;    // (size): which images of the set
  std::vector<int> others{};   // (size): labels of the images that were mixed in; without mixing, the labels again
  double share = 1;            // of its own image in each
  std::vector<std::vector<ViewObject>> objects{};  // (size): what is to be seen in each, where the loader was asked for it
  // Where a device renders: one plan for each view, in the order of images; and what each image's views read, one after the other, from a
  // plan's byte `at` on.
  std::vector<ViewPlan> plans{};
  std::vector<std::vector<std::uint8_t>> pictures{};  // (size)
};

class BatchLoader {
 public:
  // `first`: the number of the batch to begin with, when training resumes.
  BatchLoader(const ImageSet& set, LoaderConfig config, std::int64_t first = 0);
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;
  ~BatchLoader();

  const LoaderConfig& config() const { return config_; }
  const ImageSet& set() const { return *set_; }
  // Batches in one pass over the set, rounded up.
  std::int64_t batches_per_epoch() const { return (set_->size() + config_.batch - 1) / config_.batch; }

  // The number of the next batch.
  std::int64_t position() const { return next_batch_; }
  // The next batch; it stays valid until the call after. An unshuffled loader ends with a batch of size 0.
  const Batch& next();

  // Images that could not be read so far; each was replaced by another one. With the first reason.
  int unreadable() const;
  std::string first_unreadable() const;

 private:
  struct Slot {
    Batch batch;
    std::int64_t number = -1;
    int done = 0;
    bool ready = false;
  };

  void check() const;

  bool past_end(std::int64_t number) const { return !config_.shuffle && number >= batches_per_epoch(); }

  void work();
  // What needs the whole batch.
  void finish(Slot& slot, std::int64_t number) const;
  void begin(Slot& slot, std::int64_t number);
  // Numbers of one view.
  std::size_t values_of(int size) const {
    return static_cast<std::size_t>(config_.channels) * static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  }
  // The image at this place of the endless stream of epochs. Called under the lock.
  int index_of(std::int64_t sample);
  void make_objects(Slot& slot, std::size_t place, int index, const Image& image, Random random);
  void make(Slot& slot, std::int64_t sample, std::size_t place, int index, AugmentScratch& scratch);
  // f(config, random, size, number of the view among the batch's, where its values begin) for all views of the image that has this place
  // among `images`: one size behind the other, and in each an image's views are neighbours.
  template <class F> void each_view(const Random& random, std::size_t place, std::size_t images, F f) const;
  // The image, or the next one in the set that can be read: which one depends on the files alone.
  Image readable(int& index);

  const ImageSet* set_;
  LoaderConfig config_;
  std::size_t values_ = 0, views_ = 0;  // of an image
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

namespace detail {
VITRAIL_FUNCTION void check_images(const LoaderConfig& views, const std::string& who, int channels, int size);
}  // namespace detail

// Throws ConfigError unless a loader gives images of the shape (dyn, C, I, I) that a model sees. `who` begins the message.
template <class Images> void check_images(const LoaderConfig& views, const std::string& who) {
  detail::check_images(views, who, Images::template extent<1>(), Images::template extent<2>());
}

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/loader.hpp"
#endif
