// SPDX-License-Identifier: Apache-2.0
// From bytes to a priced report, beside libonnx's own parse and shape inference
// of the same bytes, in one run:
//
//   build/bench/tests/bench/pipeline_bench
//   OPCOST_SHARED_DATA=<folder with onnx-light/> .../pipeline_bench
//
// Every model of models/ and, where given, of onnx-light/ and exports/ has
// three rows: shapes/<model>, opcost's import and shape inference alone,
// opcost/<model>, from bytes to the report, and libonnx/<model>. Symbols that a
// batch of one doesn't bind are 16 in the report's rows.
#include <benchmark/benchmark.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "opcost/opcost.h"

namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

void BytesToReport(benchmark::State& state, const std::string& bytes) {
  const absl::StatusOr<opcost::CostTable> table =
      opcost::TableLibrary().Load("horowitz-45nm");
  opcost::InputOptions options;
  options.unbound = 16;
  for (auto _ : state) {
    const absl::StatusOr<opcost::Model> model =
        opcost::ImportBytes(bytes, "model.onnx");
    if (!model.ok()) {
      state.SkipWithError(std::string(model.status().message()).c_str());
      return;
    }
    const absl::StatusOr<opcost::Analysis> analysis =
        opcost::Analyze(*model, options);
    if (!analysis.ok()) {
      state.SkipWithError(std::string(analysis.status().message()).c_str());
      return;
    }
    const absl::StatusOr<opcost::Estimate> estimate =
        opcost::MakeEstimate(*analysis, *table, {});
    if (!estimate.ok()) {
      state.SkipWithError(std::string(estimate.status().message()).c_str());
      return;
    }
    benchmark::DoNotOptimize(opcost::RenderEstimate(*estimate, {}));
  }
}

void BytesToShapes(benchmark::State& state, const std::string& bytes) {
  opcost::InputOptions options;
  options.keep_symbols = true;  // as libonnx does
  for (auto _ : state) {
    const absl::StatusOr<opcost::Model> model =
        opcost::ImportBytes(bytes, "model.onnx");
    if (!model.ok()) {
      state.SkipWithError(std::string(model.status().message()).c_str());
      return;
    }
    const absl::StatusOr<opcost::Analysis> analysis =
        opcost::InferShapes(*model, options);
    if (!analysis.ok()) {
      state.SkipWithError(std::string(analysis.status().message()).c_str());
      return;
    }
    benchmark::DoNotOptimize(analysis->values.data());
  }
}

void ParseAndInfer(benchmark::State& state, const std::string& bytes) {
  for (auto _ : state) {
    onnx::ModelProto model;
    if (!model.ParseFromString(bytes)) {
      state.SkipWithError("not parsed");
      return;
    }
    try {
      onnx::shape_inference::InferShapes(model);
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
      return;
    }
    benchmark::DoNotOptimize(model);
  }
}

std::vector<std::filesystem::path> ModelsIn(const std::filesystem::path& dir) {
  std::vector<std::filesystem::path> models;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> folders = {OPCOST_SOURCE_DIR "/models"};
  if (const char* shared = std::getenv("OPCOST_SHARED_DATA")) {
    folders.push_back(std::filesystem::path(shared) / "onnx-light");
    folders.push_back(std::filesystem::path(shared) / "exports");
  }
  for (const std::filesystem::path& folder : folders) {
    for (const std::filesystem::path& path : ModelsIn(folder)) {
      const std::string bytes = ReadFile(path);
      const std::string name = path.stem().string();
      benchmark::RegisterBenchmark(("shapes/" + name).c_str(), BytesToShapes,
                                   bytes)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("opcost/" + name).c_str(), BytesToReport,
                                   bytes)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("libonnx/" + name).c_str(), ParseAndInfer,
                                   bytes)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
