// SPDX-License-Identifier: Apache-2.0
#include "src/weights/threads.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace opcost {

int ThreadCount(int threads) {
  if (threads <= 0) {
    threads = static_cast<int>(
        std::min(std::thread::hardware_concurrency(), 1U << 16));
  }
  return std::clamp(threads, 1, kMostThreads);
}

absl::Status ForChunks(
    int threads, int64_t total, int64_t chunk,
    const std::function<absl::Status(int thread, int64_t begin, int64_t end)>&
        work) {
  if (total <= 0) return absl::OkStatus();
  const int64_t chunks = (total - 1) / chunk + 1;
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  absl::Status first_error;
  const auto run = [&](int thread) {
    for (int64_t i = next++; i < chunks; i = next++) {
      const int64_t begin = i * chunk;
      const int64_t end = begin + std::min(chunk, total - begin);
      const absl::Status status = work(thread, begin, end);
      if (status.ok()) continue;
      const std::lock_guard<std::mutex> lock(mutex);
      if (first_error.ok()) first_error = status;
      next = chunks;
    }
  };
  std::vector<std::thread> others;
  const auto wanted = std::min<int64_t>(threads, chunks);
  try {
    for (int thread = 1; thread < wanted; ++thread) {
      others.emplace_back(run, thread);
    }
  } catch (const std::system_error&) {
    // No more threads to be had: those that there are do the work.
  }
  run(0);
  for (std::thread& other : others) other.join();
  return first_error;
}

}  // namespace opcost
