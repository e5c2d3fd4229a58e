// SPDX-License-Identifier: Apache-2.0
// How fast weights are read: zero counts and all statistics beside a plain
// copy of the same mapped bytes.
//
//   weights_bench [--benchmark_filter=...]
//
// Compare bytes_per_second: zero counts shall reach half of the copy's, all
// statistics a twentieth for types of at most 16 bits and a hundredth for
// float32. The copy's pages are mapped already; those of the others come and go
// as they do in use.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "opcost/frontend/payloads.h"
#include "opcost/ir/element_bits.h"
#include "opcost/weights/statistics.h"
#include "opcost/weights/zeros.h"

namespace opcost {
namespace {

constexpr int64_t kBytes = int64_t{1} << 28;
constexpr int64_t kColumns = 4096;

// Normally distributed weights, of which half are zero; integers and narrow
// floats are scaled to their range.
std::vector<uint8_t> DrawWeights(DataType type) {
  const int width = WidthBits(type);
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal(0, 0.02);
  // What repeats after 4 MB is drawn once.
  std::vector<uint8_t> bytes(size_t{1} << 22, 0);
  const double scale = IsFloating(type) ? 1 : std::exp2(width - 1) / 0.08;
  for (size_t i = 0; i < bytes.size() * 8 / static_cast<size_t>(width); ++i) {
    const double number = engine() % 2 == 0 ? 0 : normal(engine) * scale;
    const double most = std::exp2(width - 1) - 1;
    const uint64_t bits =
        IsFloating(type) ? BitsFromFloat(type, number)
                         : static_cast<uint64_t>(
                               std::lround(std::clamp(number, -most, most)));
    for (size_t bit = 0; bit < static_cast<size_t>(width); ++bit) {
      const size_t at = i * static_cast<size_t>(width) + bit;
      bytes[at / 8] =
          static_cast<uint8_t>(bytes[at / 8] | (bits >> bit & 1) << at % 8);
    }
  }
  return bytes;
}

// A file of weights beside a model that needs none, removed at the end.
class WeightsOnDisk {
 public:
  explicit WeightsOnDisk(DataType type) : type_(type) {
    std::string folder =
        (std::filesystem::temp_directory_path() / "opcost-weights-XXXXXX")
            .string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    folder_ = folder;
    const std::vector<uint8_t> part = DrawWeights(type);
    std::ofstream file(folder_ + "/w", std::ios::binary);
    for (int64_t i = 0; i < kBytes; i += static_cast<int64_t>(part.size())) {
      file.write(reinterpret_cast<const char*>(part.data()),
                 static_cast<std::streamsize>(part.size()));
    }
    file.close();
    payloads_ = std::make_unique<ModelPayloads>(folder_ + "/m.onnx");
    StoredTensor tensor;
    tensor.type = {type, Shape(Dims{Extent(elements())})};
    tensor.payload.place = Payload::Place::kExternal;
    tensor.payload.location = "w";
    auto reader = payloads_->Open(tensor, "w");
    if (!reader.ok()) std::abort();
    reader_ = *std::move(reader);
  }
  ~WeightsOnDisk() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  int64_t elements() const { return kBytes * 8 / WidthBits(type_); }
  std::string path() const { return folder_ + "/w"; }
  const PayloadReader& reader() const { return *reader_; }

 private:
  DataType type_;
  std::string folder_;
  std::unique_ptr<ModelPayloads> payloads_;
  std::unique_ptr<PayloadReader> reader_;
};

const WeightsOnDisk& WeightsOf(DataType type) {
  static std::map<DataType, std::unique_ptr<WeightsOnDisk>> all;
  auto& weights = all[type];
  if (weights == nullptr) weights = std::make_unique<WeightsOnDisk>(type);
  return *weights;
}

void SetBytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * kBytes);
}

void Copy(benchmark::State& state) {
  const WeightsOnDisk& weights = WeightsOf(DataType::kFloat16);
  const int file = open(weights.path().c_str(), O_RDONLY);
  void* mapped =
      mmap(nullptr, kBytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
  if (mapped == MAP_FAILED) std::abort();
  std::vector<char> copy(static_cast<size_t>(kBytes), 1);
  for (auto _ : state) {
    std::memcpy(copy.data(), mapped, static_cast<size_t>(kBytes));
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state);
  munmap(mapped, kBytes);
  close(file);
}
BENCHMARK(Copy)->UseRealTime()->Unit(benchmark::kMillisecond);

void Zeros(benchmark::State& state, DataType type) {
  const WeightsOnDisk& weights = WeightsOf(type);
  for (auto _ : state) {
    const auto zeros =
        CountZeros(weights.reader(), type, weights.elements(), ZeroOf(type),
                   static_cast<int>(state.range(0)));
    if (!zeros.ok()) state.SkipWithError("can't be read");
    benchmark::DoNotOptimize(zeros);
  }
  SetBytes(state);
}

void Statistics(benchmark::State& state, DataType type, bool is_transposed) {
  const WeightsOnDisk& weights = WeightsOf(type);
  MatrixLayout layout = {1, weights.elements() / kColumns, kColumns,
                         is_transposed, false};
  if (is_transposed) std::swap(layout.rows, layout.columns);
  StatisticsOptions options;
  options.threads = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const auto statistics =
        ComputeStatistics(weights.reader(), type, layout, options);
    if (!statistics.ok()) state.SkipWithError("can't be read");
    benchmark::DoNotOptimize(statistics);
  }
  SetBytes(state);
}

// On one thread, and on all cores (0).
void Threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("threads")->Arg(1)->Arg(0)->UseRealTime()->Unit(
      benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(Zeros, float32, DataType::kFloat32)->Apply(Threads);
BENCHMARK_CAPTURE(Zeros, float16, DataType::kFloat16)->Apply(Threads);
BENCHMARK_CAPTURE(Zeros, int8, DataType::kInt8)->Apply(Threads);
BENCHMARK_CAPTURE(Zeros, int4, DataType::kInt4)->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, float32, DataType::kFloat32, false)
    ->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, float16, DataType::kFloat16, false)
    ->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, int8, DataType::kInt8, false)->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, int4, DataType::kInt4, false)->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, float32_transposed, DataType::kFloat32, true)
    ->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, float16_transposed, DataType::kFloat16, true)
    ->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, int8_transposed, DataType::kInt8, true)
    ->Apply(Threads);
BENCHMARK_CAPTURE(Statistics, int4_transposed, DataType::kInt4, true)
    ->Apply(Threads);

}  // namespace
}  // namespace opcost

BENCHMARK_MAIN();
