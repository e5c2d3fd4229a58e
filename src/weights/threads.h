// SPDX-License-Identifier: Apache-2.0
// Work on all cores.
#ifndef OPCOST_SRC_WEIGHTS_THREADS_H_
#define OPCOST_SRC_WEIGHTS_THREADS_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace opcost {

// More than this many would take more memory than they save time.
inline constexpr int kMostThreads = 32;

// `threads`, or the machine's cores if it is 0, at most kMostThreads and at
// least 1.
int ThreadCount(int threads);

// Calls work(thread, begin, end) for consecutive chunks of [0, total), of
// `chunk` but for the last, on `threads` threads (the caller's is one). The
// first error, which stops all, or OK. `work` must not throw.
absl::Status ForChunks(
    int threads, int64_t total, int64_t chunk,
    const std::function<absl::Status(int thread, int64_t begin, int64_t end)>&
        work);

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_THREADS_H_
