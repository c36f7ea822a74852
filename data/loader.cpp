#include "data/loader.h"

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "tensor/check.h"

namespace sil {

std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, int64_t epoch) {
  const RngKey key = RngKey{seed}.fold("order of photos").fold(uint64_t(epoch));
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t(0));
  for (int64_t i = count - 1; i > 0; --i)  // Fisher-Yates
    std::swap(order[size_t(i)], order[size_t(key.below(uint64_t(i), i + 1))]);
  return order;
}

namespace {

struct Job {
  int64_t step = 0;
  std::vector<int64_t> photos, positions;
};

struct Made {
  std::vector<Example> examples;
  std::exception_ptr error;
};

// Which photos a step gets.  Steps are asked for in order, so one epoch's order is enough.
class Order {
 public:
  Order(int64_t count, const LoaderOptions& options)
      : count_(count),
        options_(options),
        position_(options.first_step * options.batch_size),
        step_(options.first_step) {}

  bool at_end() const { return !options_.shuffle && position_ >= count_; }
  int64_t step() const { return step_; }

  Job take() {
    Job job{step_++, {}, {}};
    for (int i = 0; i < options_.batch_size && !at_end(); ++i, ++position_) {
      job.positions.push_back(position_);
      job.photos.push_back(options_.shuffle ? shuffled_photo() : position_);
    }
    return job;
  }

 private:
  int64_t shuffled_photo() {
    if (const int64_t epoch = position_ / count_; epoch != epoch_) {
      order_ = shuffled_order(count_, options_.seed, epoch);
      epoch_ = epoch;
    }
    return order_[size_t(position_ % count_)];
  }

  int64_t count_;
  LoaderOptions options_;
  int64_t position_, step_, epoch_ = -1;
  std::vector<int64_t> order_;
};

std::vector<Example> make(const Dataset& dataset, const Job& job, uint64_t seed) {
  const RngKey key = RngKey{seed}.fold("augmentations");
  std::vector<Example> examples;
  for (size_t i = 0; i < job.photos.size(); ++i)
    examples.push_back(dataset.load(size_t(job.photos[i]), key.fold(uint64_t(job.positions[i]))));
  return examples;
}

}  // namespace

struct Loader::Queue {
  Queue(const Dataset& d, const LoaderOptions& o)
      : dataset(d), options(o), order(int64_t(d.size()), o), wanted(o.first_step) {
    for (int i = 0; i < options.workers; ++i) threads.emplace_back([this] { work(); });
  }

  ~Queue() {
    {
      std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    for (std::thread& t : threads) t.join();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return stop || order.at_end() || order.step() < wanted + options.ahead; });
      if (stop || order.at_end()) return;
      const Job job = order.take();
      lock.unlock();
      Made result;
      try {
        result.examples = make(dataset, job, options.seed);
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      made.emplace(job.step, std::move(result));
      changed.notify_all();
    }
  }

  std::optional<std::vector<Example>> next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return made.count(wanted) || (order.at_end() && wanted >= order.step()); });
    const auto found = made.find(wanted);
    if (found == made.end()) return std::nullopt;
    Made result = std::move(found->second);
    made.erase(found);
    ++wanted;
    lock.unlock();
    changed.notify_all();
    if (result.error) std::rethrow_exception(result.error);
    return std::move(result.examples);
  }

  const Dataset& dataset;
  const LoaderOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  Order order;
  int64_t wanted;  // the step that next() gives
  std::map<int64_t, Made> made;
  bool stop = false;
  std::vector<std::thread> threads;
};

Loader::Loader(const Dataset& dataset, LoaderOptions options) {
  check(options.batch_size >= 1, "loader: batch_size is {} (1 or more expected)", options.batch_size);
  check(options.workers >= 1, "loader: workers is {} (1 or more expected)", options.workers);
  check(options.ahead >= 1, "loader: ahead is {} (1 or more expected)", options.ahead);
  check(options.first_step >= 0, "loader: first_step is {} (0 or more expected)", options.first_step);
  check(!options.shuffle || dataset.size() > 0, "{}: no photo to train on", dataset.annotations().source);
  queue_ = std::make_unique<Queue>(dataset, options);
}

Loader::~Loader() = default;

std::optional<std::vector<Example>> Loader::next() { return queue_->next(); }

}  // namespace sil
