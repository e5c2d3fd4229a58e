// SPDX-License-Identifier: Apache-2.0
// Every model of ONNX's own tests that is at hand: the types that opcost infers
// of its outputs against those that a reference run returned. known_gaps.txt
// lists the exceptions; it may only shrink.
#include "tests/support/conformance.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/frontend/import.h"

namespace opcost {
namespace {

constexpr char kGaps[] = OPCOST_SOURCE_DIR "/tests/conformance/known_gaps.txt";
// Debian's package libonnx-testdata, which tools/setup installs.
constexpr char kTestData[] = "/usr/share/libonnx-testdata/data";

// The folders below `set` that hold a model, sorted.
std::set<std::string> ModelsOf(const std::string& set) {
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat(kTestData, "/", set))) {
    if (std::filesystem::exists(entry.path() / "model.onnx"))
      names.insert(entry.path().filename().string());
  }
  return names;
}

class TestDataTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TestDataTest, OutputsAreInferredAsReturned) {
  ASSERT_TRUE(std::filesystem::exists(kTestData))
      << "install libonnx-testdata: tools/setup";
  const std::string set = GetParam();
  ConformanceTally tally(ReadKnownGaps(kGaps), absl::StrCat(set, "/"));
  for (const std::string& name : ModelsOf(set)) {
    const absl::StatusOr<ReferenceRun> run =
        LoadReferenceRun(absl::StrCat(kTestData, "/", set, "/", name));
    tally.Add(name, run.ok() ? DifferenceFrom(*run)
                             : std::string(run.status().message()));
  }
  tally.Finish();
}

INSTANTIATE_TEST_SUITE_P(Sets, TestDataTest,
                         ::testing::Values("node", "simple",
                                           "pytorch-converted",
                                           "pytorch-operator"));

ReferenceOutput OutputFrom(const nlohmann::json& json) {
  ReferenceOutput output;
  output.name = json.at("name").get<std::string>();
  output.is_sequence = json.at("kind") == "sequence";
  const auto type = output.is_sequence ? json.at("elem_type").get<int64_t>()
                                       : json.at("dtype").get<int64_t>();
  output.type = DataTypeFromOnnx(type).value_or(DataType::kUndefined);
  if (output.is_sequence) {
    json.at("shapes").get_to(output.shapes);
  } else {
    output.shapes = {json.at("shape").get<std::vector<int64_t>>()};
  }
  return output;
}

TEST(SharedShapesTest, OutputsAreInferredAsReturned) {
  const char* shared = std::getenv("OPCOST_SHARED_DATA");
  if (shared == nullptr)
    GTEST_SKIP() << "OPCOST_SHARED_DATA names no folder with onnx-shapes/";
  const std::string folder = absl::StrCat(shared, "/onnx-shapes");
  std::ifstream file(absl::StrCat(folder, "/cases.json"));
  ASSERT_TRUE(file.is_open()) << folder;
  ConformanceTally tally(ReadKnownGaps(kGaps), "onnx-shapes/");
  for (const nlohmann::json& json : nlohmann::json::parse(file)) {
    ReferenceRun run;
    run.name = json.at("name").get<std::string>();
    absl::StatusOr<Model> model =
        ImportFile(absl::StrCat(folder, "/models/", run.name, ".onnx"));
    if (!model.ok()) {
      tally.Add(run.name, std::string(model.status().message()));
      continue;
    }
    run.model = *std::move(model);
    for (const nlohmann::json& output : json.at("outputs"))
      run.outputs.push_back(OutputFrom(output));
    tally.Add(run.name, DifferenceFrom(run));
  }
  tally.Finish();
}

}  // namespace
}  // namespace opcost
