// Runs of other programs that depend on each other: each has a folder of its own, and is done when its result is there. So a study that was
// stopped goes on, and a larger one repeats nothing.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <vitrail/core/error.hpp>
#include <vitrail/io/file.hpp>

namespace study {

// A program's call. Its arguments are its configuration, and name its folder.
struct Run {
  std::string program;
  std::vector<std::pair<std::string, std::string>> options;  // without --out, --threads: they change no result
  std::string after;                                         // key of the run that must be done first; empty: none
  std::string product;                                       // file of that run which this one gets as --encoder

  // The same for the same results, short enough for a folder's name.
  std::string key() const {
    std::uint64_t hash = 0xCBF29CE484222325ull;
    std::string text = program + " " + after;
    for (const auto& [name, value] : options) text += " " + name + "=" + value;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return program + "_" + digits;
  }
};

class Runs {
 public:
  Runs(std::filesystem::path programs, std::filesystem::path out, int jobs, int threads)
      : programs_(std::move(programs)), out_(std::filesystem::absolute(std::move(out))), jobs_(jobs), threads_(threads) {}

  // Adds a run unless it is there, and returns its key.
  std::string add(const Run& run) {
    const std::string key = run.key();
    if (runs_.emplace(key, run).second) order_.push_back(key);
    return key;
  }
  std::size_t size() const { return order_.size(); }
  std::size_t left() const {
    std::size_t n = 0;
    for (const std::string& key : order_) n += !done(key);
    return n;
  }
  std::string command(const std::string& key) const { return line(runs_.at(key), key); }
  const std::vector<std::string>& keys() const { return order_; }

  // What a finished run wrote. Throws FileError where it has not.
  nlohmann::json result(const std::string& key) const {
    std::ifstream file(folder(key) / "result.json");
    const nlohmann::json found = nlohmann::json::parse(file, nullptr, false);
    if (found.is_discarded()) throw vitrail::FileError("study: expected the result of " + key + " in " + folder(key).string() + "; run the study again");
    return found;
  }
  bool done(const std::string& key) const { return std::filesystem::exists(folder(key) / "result.json"); }

  // Executes what is not done, `jobs` at a time. A run that fails is told about and its dependants are left out; the others go on.
  // Returns the number of runs that are still missing.
  std::size_t execute() {
    std::vector<std::thread> workers;
    for (int i = 0; i < jobs_; ++i) workers.emplace_back([this] { work(); });
    for (std::thread& worker : workers) worker.join();
    return left();
  }

 private:
  std::filesystem::path folder(const std::string& key) const { return out_ / key; }
  static std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  }
  std::string line(const Run& run, const std::string& key) const {
    std::string out = quoted((programs_ / run.program).string());
    for (const auto& [name, value] : run.options) out += " --" + name + " " + quoted(value);
    if (!run.after.empty()) out += " --encoder " + quoted((folder(run.after) / run.product).string());
    return out + " --threads " + std::to_string(threads_) + " --out " + quoted(folder(key).string());
  }
  // The next run that may begin; empty when there is none now. Called under the lock.
  std::string next() {
    for (const std::string& key : order_) {
      const Run& run = runs_.at(key);
      if (!done(key) && !started_.contains(key) && (run.after.empty() || done(run.after))) return key;
    }
    return "";
  }
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      const std::string key = next();
      if (key.empty()) {
        if (running_ == 0) return;  // what is left waits for a run that failed
        changed_.wait(lock);
        continue;
      }
      started_.insert(key), ++running_;
      std::cout << "[" << size() - left() << " of " << size() << " done] " << key << std::endl;
      lock.unlock();
      std::filesystem::create_directories(folder(key));
      const std::filesystem::path log = folder(key) / "output.txt";
      vitrail::write_atomically(folder(key) / "command.txt", line(runs_.at(key), key) + "\n");
      const int code = std::system((line(runs_.at(key), key) + " > " + quoted(log.string()) + " 2>&1").c_str());
      lock.lock();
      --running_;
      if (code != 0 || !done(key)) std::cerr << "study: " << key << " failed: " << last_line(log) << " (" << log.string() << ")\n";
      changed_.notify_all();
    }
  }
  static std::string last_line(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line, last;
    while (std::getline(file, line))
      if (!line.empty()) last = line;
    return last;
  }

  std::filesystem::path programs_, out_;
  int jobs_, threads_;
  std::map<std::string, Run> runs_;
  std::vector<std::string> order_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> started_;
  int running_ = 0;
};

}  // namespace study
