// SPDX-License-Identifier: Apache-2.0
// Networks whose batch, sequence and cache are symbols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/opcost.h"
#include "tests/support/status_matchers.h"
#include "tools/make_models/model_zoo.h"

namespace opcost {
namespace {

struct SymbolicNetwork {
  const char* name;
  std::map<std::string, int64_t> dims;
};

std::vector<SymbolicNetwork> Networks() {
  return {{"bert-base", {{"B", 2}, {"S", 3}}},
          {"gpt2", {{"B", 2}, {"S", 3}, {"P", 5}}},
          {"llama-1.1b", {{"B", 2}, {"S", 3}, {"P", 5}}},
          {"llama-1.1b-fused", {{"B", 2}, {"S", 3}, {"P", 5}}},
          {"lstm-lm", {{"B", 2}, {"S", 3}}}};
}

std::string PathOf(const std::string& name) {
  return absl::StrCat(OPCOST_SOURCE_DIR, "/models/", name, ".onnx");
}

// The symbols of all extents of tensors, and "?" where a shape isn't known.
std::set<std::string> SymbolsOf(const Analysis& analysis) {
  std::set<std::string> symbols;
  for (size_t i = 0; i < analysis.values.size(); ++i) {
    const ValueType& type = analysis.values[i].type;
    if (!type.is_tensor() || !type.tensor.shape.has_rank()) {
      symbols.insert("? of " + analysis.graph->values[i].name);
      continue;
    }
    for (const Extent& extent : type.tensor.shape.dims()) {
      extent.CollectSymbols(&symbols);
      if (extent.overflowed()) symbols.insert("overflow");
    }
  }
  return symbols;
}

TEST(Decoder, EveryShapeIsKnownInTheGraphsOwnSymbols) {
  for (const SymbolicNetwork& network : Networks()) {
    SCOPED_TRACE(network.name);
    ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(PathOf(network.name)));
    InputOptions options;
    options.keep_symbols = true;
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, InferShapes(model, options));
    std::set<std::string> own;
    for (const auto& [symbol, size] : network.dims) own.insert(symbol);
    EXPECT_EQ(SymbolsOf(analysis), own);
  }
}

TEST(Decoder, SymbolicMacsAreTheClosedForm) {
  const Count b = Count::Symbol("B");
  const Count s = Count::Symbol("S");
  const Count p = Count::Symbol("P");
  const std::map<std::string, Count> expected = {
      {"gpt2", Count(123'532'032) * b * s + Count(18'432) * b * s * (p + s)},
      {"llama-1.1b",
       Count(1'034'420'224) * b * s + Count(90'112) * b * s * (p + s)},
      {"llama-1.1b-fused",
       Count(1'034'420'224) * b * s + Count(90'112) * b * s * (p + s)},
      {"lstm-lm", Count(13'260'000) * b * s}};
  for (const auto& [name, closed_form] : expected) {
    SCOPED_TRACE(name);
    ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(PathOf(name)));
    InputOptions options;
    options.keep_symbols = true;
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, options));
    Count macs = 0;
    for (const LayerCounts& layer : analysis.layers) {
      EXPECT_NE(layer.coverage.status, Coverage::Status::kUnknown)
          << layer.name << ": " << layer.coverage.reason;
      macs += layer.counts.macs * layer.times;
    }
    EXPECT_EQ(macs, closed_form) << macs.ToString();
  }
}

// The network's bytes with numbers for the symbols of its inputs and outputs.
std::string BytesWithSizes(const SymbolicNetwork& network) {
  absl::StatusOr<model_zoo::Network> made =
      model_zoo::MakeNetwork(network.name);
  EXPECT_THAT(made, IsOk());
  const auto replace = [&network](auto* values) {
    for (onnx::ValueInfoProto& value : *values) {
      for (onnx::TensorShapeProto::Dimension& dim : *value.mutable_type()
                                                         ->mutable_tensor_type()
                                                         ->mutable_shape()
                                                         ->mutable_dim()) {
        if (!dim.has_dim_param()) continue;
        const std::string symbol = dim.dim_param();
        dim.set_dim_value(symbol == "P+S"
                              ? network.dims.at("P") + network.dims.at("S")
                              : network.dims.at(symbol));
      }
    }
  };
  replace(made->model.mutable_graph()->mutable_input());
  replace(made->model.mutable_graph()->mutable_output());
  std::ostringstream bytes;
  EXPECT_THAT(model_zoo::Write(*made, model_zoo::Weights::kAbsent, &bytes),
              IsOk());
  return bytes.str();
}

// Name, MACs, mul, add, reads, writes and energy of every row.
using Row = std::tuple<std::string, int64_t, int64_t, int64_t, int64_t, int64_t,
                       double>;

std::vector<Row> RowsOf(const Analysis& analysis) {
  absl::StatusOr<CostTable> table = TableLibrary().Load("horowitz-45nm");
  EXPECT_THAT(table, IsOk());
  absl::StatusOr<Estimate> estimate = MakeEstimate(analysis, *table, {});
  EXPECT_THAT(estimate, IsOk());
  std::vector<Row> rows;
  for (const LayerEstimate& layer : estimate->layers) {
    const Sums& sums = layer.sums;
    rows.emplace_back(layer.layer->name, sums.macs, sums.mul, sums.add,
                      sums.reads, sums.writes,
                      sums.mul_energy.pj + sums.add_energy.pj +
                          sums.read_energy.pj + sums.write_energy.pj);
  }
  return rows;
}

TEST(Decoder, BindingSymbolsGivesWhatWritingTheNumbersGives) {
  for (const SymbolicNetwork& network : Networks()) {
    SCOPED_TRACE(network.name);
    ASSERT_OK_AND_ASSIGN(const Model symbolic,
                         ImportFile(PathOf(network.name)));
    InputOptions options;
    options.dims = network.dims;
    ASSERT_OK_AND_ASSIGN(const Analysis bound, Analyze(symbolic, options));
    ASSERT_OK_AND_ASSIGN(const Model sized,
                         ImportBytes(BytesWithSizes(network), "sized.onnx"));
    ASSERT_OK_AND_ASSIGN(const Analysis written, Analyze(sized, {}));
    EXPECT_EQ(RowsOf(bound), RowsOf(written));
  }
}

}  // namespace
}  // namespace opcost
