// SPDX-License-Identifier: Apache-2.0
// The three readings of whole networks: float ones, and their quantised forms
// as ONNX Runtime writes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/opcost.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kSuffix = "-qdq-ort.onnx";

// "resnet-18", of each quantised form.
std::vector<std::string> QuantisedNetworks() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(OPCOST_SOURCE_DIR) /
                                                  "tests/models/quantized")) {
    const std::string file = entry.path().filename().string();
    absl::string_view name = file;
    if (absl::ConsumeSuffix(&name, kSuffix)) names.emplace_back(name);
  }
  return names;
}

std::string FloatForm(const std::string& name) {
  return absl::StrCat(OPCOST_SOURCE_DIR, "/models/", name, ".onnx");
}
std::string QuantisedForm(const std::string& name) {
  return absl::StrCat(OPCOST_SOURCE_DIR, "/tests/models/quantized/", name,
                      std::string(kSuffix));
}

// What a reading gives of a model.
struct Numbers {
  int64_t macs = 0;
  double pj = 0;
  // MACs whose product is an integer of 8 bits and whose sum is int32.
  int64_t int8_macs = 0;
  size_t layers = 0;
  size_t layers_and_folded = 0;
};

Numbers NumbersOf(const std::string& path, GraphReading reading,
                  const CostTable& table) {
  Numbers numbers;
  const absl::StatusOr<Model> model = ImportFile(path);
  EXPECT_THAT(model, IsOk());
  InputOptions options;
  options.reading = reading;
  options.unbound = 16;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, options);
  EXPECT_THAT(analysis, IsOk());
  const absl::StatusOr<Estimate> estimate =
      MakeEstimate(*analysis, table, EstimateOptions());
  EXPECT_THAT(estimate, IsOk());
  numbers.macs = estimate->totals.macs;
  numbers.pj = estimate->totals.total.pj;
  numbers.layers = analysis->layers.size();
  numbers.layers_and_folded = numbers.layers;
  const Formats formats(*analysis, FormatOptions());
  for (const LayerCounts& layer : analysis->layers) {
    if (layer.folded != nullptr) {
      numbers.layers_and_folded += layer.folded->nodes.size();
    }
    int64_t products = 0;
    int64_t sums = 0;
    for (const Arith& arith : layer.counts.arith) {
      const NumberFormat format = formats.OfArith(layer, arith);
      if (format.kind != NumberKind::kInt) continue;
      if (arith.role == ArithRole::kProduct && format.width_bits == 8) {
        products += arith.count.value();
      }
      if (arith.role == ArithRole::kAccumulate && format.width_bits == 32) {
        sums += arith.count.value();
      }
    }
    EXPECT_EQ(products, sums) << layer.name;
    numbers.int8_macs += products;
  }
  return numbers;
}

class ReadingsTest : public ::testing::TestWithParam<std::string> {
 protected:
  ReadingsTest() : table_(*TableLibrary().Load("horowitz-45nm")) {}
  const CostTable table_;
};

TEST_P(ReadingsTest, TheQuantisedFormHasTheFloatFormsMacsInInt8ForLess) {
  const Numbers floats =
      NumbersOf(FloatForm(GetParam()), GraphReading::kFolded, table_);
  for (const GraphReading reading :
       {GraphReading::kFolded, GraphReading::kDeployed}) {
    const Numbers quantised =
        NumbersOf(QuantisedForm(GetParam()), reading, table_);
    EXPECT_EQ(quantised.macs, floats.macs);
    EXPECT_EQ(quantised.int8_macs, floats.macs);
    EXPECT_LT(quantised.pj, floats.pj);
  }
  const Numbers written =
      NumbersOf(QuantisedForm(GetParam()), GraphReading::kAsWritten, table_);
  EXPECT_EQ(written.macs, floats.macs);
  EXPECT_EQ(written.int8_macs, 0);
}

TEST_P(ReadingsTest, EachReadingCostsNoMoreThanTheOneBefore) {
  for (const std::string& path :
       {FloatForm(GetParam()), QuantisedForm(GetParam())}) {
    SCOPED_TRACE(path);
    const Numbers written = NumbersOf(path, GraphReading::kAsWritten, table_);
    const Numbers folded = NumbersOf(path, GraphReading::kFolded, table_);
    const Numbers deployed = NumbersOf(path, GraphReading::kDeployed, table_);
    EXPECT_LE(folded.pj, written.pj);
    EXPECT_LE(deployed.pj, folded.pj);
    EXPECT_EQ(deployed.macs, folded.macs);
    // No node is lost: constants that were dequantised come on top.
    EXPECT_GE(folded.layers_and_folded, written.layers);
    EXPECT_LE(deployed.layers, folded.layers);
  }
}

TEST_P(ReadingsTest, AFloatNetworkIsFoldedAsItIsWritten) {
  const std::string path = FloatForm(GetParam());
  const Numbers written = NumbersOf(path, GraphReading::kAsWritten, table_);
  const Numbers folded = NumbersOf(path, GraphReading::kFolded, table_);
  EXPECT_EQ(folded.pj, written.pj);
  EXPECT_EQ(folded.layers, written.layers);
  EXPECT_EQ(folded.layers_and_folded, folded.layers);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ReadingsTest, ::testing::ValuesIn(QuantisedNetworks()),
    [](const ::testing::TestParamInfo<std::string>& param) {
      std::string name;
      for (const char c : param.param) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
      }
      return name;
    });

TEST(DeployedTransformers, FuseAndElideWithTheSameMacs) {
  const CostTable table = *TableLibrary().Load("horowitz-45nm");
  for (const char* name :
       {"gpt2", "llama-1.1b", "bert-base", "vit-b-16", "lstm-lm"}) {
    SCOPED_TRACE(name);
    const Numbers folded =
        NumbersOf(FloatForm(name), GraphReading::kFolded, table);
    const Numbers deployed =
        NumbersOf(FloatForm(name), GraphReading::kDeployed, table);
    EXPECT_EQ(deployed.macs, folded.macs);
    EXPECT_LT(deployed.pj, folded.pj);
    EXPECT_EQ(deployed.layers_and_folded, folded.layers);
  }
}

}  // namespace
}  // namespace opcost
