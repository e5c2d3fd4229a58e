// SPDX-License-Identifier: Apache-2.0
// A convolution and a Gemm, dense and in the variants that people compare:
// pruned and stored as CSR, 2:4, int8 and int4. Counts by hand, from the cost
// model's sections 4 to 6; check_alexnet_variants.py does the same for AlexNet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "opcost/frontend/payloads.h"
#include "opcost/memory/weight_statistics.h"
#include "opcost/opcost.h"
#include "tests/tools/variant_run.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

// 3 channels of 10x10, 8 filters of 3x3x3 (27 products), hence 8x8x8 outputs;
// 128 features of 4x4x8 to 20.
constexpr char kNet[] =
    "g (float[1,3,10,10] x, float[8,3,3,3] w, float[8] b, float[20,128] v,"
    "   float[20] c) => (float[1,20] y) {"
    "  p = Conv(x, w, b)"
    "  r = Relu(p)"
    "  m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)"
    "  f = Flatten(m)"
    "  y = Gemm<transB = 1>(f, v, c)"
    "}";

constexpr int64_t kPixels = 8 * 8;
constexpr int64_t kConvOut = 8 * kPixels;
constexpr int64_t kConvMacs = kConvOut * 3 * 3 * 3;
constexpr int64_t kGemmMacs = 20 * 128;

// What a layer does; reads and writes by array.
struct Counts {
  int64_t mul = 0;
  int64_t add = 0;
  std::map<std::string, int64_t> reads;
  std::map<std::string, int64_t> writes;

  friend bool operator==(const Counts&, const Counts&) = default;
};

void PrintTo(const Counts& counts, std::ostream* out) {
  *out << "mul " << counts.mul << ", add " << counts.add;
  for (const auto& [name, n] : counts.reads)
    *out << ", read " << name << " " << n;
  for (const auto& [name, n] : counts.writes)
    *out << ", write " << name << " " << n;
}

// The layers with MACs of a model whose weights are stored in `format`: the
// convolution and the Gemm.
std::vector<Counts> ContractionsOf(const std::string& path,
                                   StorageFormat format) {
  std::vector<Counts> contractions;
  const auto model = ImportFile(path);
  EXPECT_THAT(model, IsOk());
  const auto analysis = Analyze(*model, {});
  EXPECT_THAT(analysis, IsOk());
  EstimateOptions options;
  options.storage.format = format;
  const ModelPayloads payloads(path);
  auto statistics = ReadStatistics(*analysis, payloads, /*threads=*/1);
  EXPECT_THAT(statistics, IsOk());
  options.storage.statistics =
      std::make_shared<const WeightStatistics>(*std::move(statistics));
  const auto table = TableLibrary().Load("horowitz-45nm");
  EXPECT_THAT(table, IsOk());
  const auto estimate = MakeEstimate(*analysis, *table, options);
  EXPECT_THAT(estimate, IsOk());
  for (const LayerEstimate& layer : estimate->layers) {
    if (layer.sums.macs == 0) continue;
    Counts& counts = contractions.emplace_back();
    counts.mul = layer.sums.mul;
    counts.add = layer.sums.add;
    for (const PricedTraffic& row : layer.traffic) {
      if (row.traffic.reads > 0)
        counts.reads[row.traffic.name()] += row.traffic.reads;
      if (row.traffic.writes > 0)
        counts.writes[row.traffic.name()] += row.traffic.writes;
    }
  }
  EXPECT_EQ(contractions.size(), 2U);
  return contractions;
}

TEST(HandCountsTest, Dense) {
  const auto layers =
      ContractionsOf(Save(WithWeights(kNet)), StorageFormat::kDense);
  EXPECT_EQ(layers[0],
            (Counts{kConvMacs,
                    kConvMacs,
                    {{"x", kConvMacs}, {"w", kConvMacs}, {"b", kConvOut}},
                    {{"p", kConvOut}}}));
  EXPECT_EQ(layers[1], (Counts{kGemmMacs,
                               kGemmMacs,
                               {{"f", kGemmMacs}, {"v", kGemmMacs}, {"c", 20}},
                               {{"y", 20}}}));
}

TEST(HandCountsTest, NinetyPercentPrunedAsCsr) {
  Variant variant;
  variant.kind = Variant::Kind::kPruned;
  variant.fraction = 0.9;
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), variant));
  const auto layers = ContractionsOf(written.path, StorageFormat::kCsr);
  // Of 8 * 27 = 216 weights round(194.4) are zero, of 2560 exactly 2304.
  constexpr int64_t kConvLeft = 216 - 194;
  constexpr int64_t kGemmLeft = 2560 - 2304;
  EXPECT_EQ(layers[0], (Counts{kConvLeft * kPixels,
                               kConvLeft * kPixels,
                               {{"x", kConvLeft * kPixels},
                                {"w", kConvLeft * kPixels},
                                {"w#columns", kConvLeft * kPixels},
                                {"w#row pointers", 2 * 8 * kPixels},
                                {"b", kConvOut}},
                               {{"p", kConvOut}}}));
  EXPECT_EQ(layers[1], (Counts{kGemmLeft,
                               kGemmLeft,
                               {{"f", kGemmLeft},
                                {"v", kGemmLeft},
                                {"v#columns", kGemmLeft},
                                {"v#row pointers", 2 * 20},
                                {"c", 20}},
                               {{"y", 20}}}));
}

TEST(HandCountsTest, TwoOfFour) {
  Variant variant;
  variant.kind = Variant::Kind::kNm;
  variant.n = 2;
  variant.m = 4;
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), variant));
  const auto layers = ContractionsOf(written.path, StorageFormat::kNm);
  // A row of 27 is stored as one of 28.
  constexpr int64_t kConvKept = 8 * 28 / 2 * kPixels;
  constexpr int64_t kGemmKept = 20 * 128 / 2;
  EXPECT_EQ(layers[0], (Counts{kConvKept,
                               kConvKept,
                               {{"x", kConvKept},
                                {"w", kConvKept},
                                {"w#indices", kConvKept},
                                {"b", kConvOut}},
                               {{"p", kConvOut}}}));
  EXPECT_EQ(layers[1], (Counts{kGemmKept,
                               kGemmKept,
                               {{"f", kGemmKept},
                                {"v", kGemmKept},
                                {"v#indices", kGemmKept},
                                {"c", 20}},
                               {{"y", 20}}}));
}

TEST(HandCountsTest, Int8) {
  Variant variant;
  variant.kind = Variant::Kind::kInt8;
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), variant));
  const auto layers = ContractionsOf(written.path, StorageFormat::kDense);
  // Each output is requantised: 1 mul and 3 adds. The Relu is saturation.
  // Scales and zero points of one element are read once (R2).
  EXPECT_EQ(layers[0], (Counts{kConvMacs + kConvOut,
                               kConvMacs + 3 * kConvOut,
                               {{"x_QuantizeLinear_Output", kConvMacs},
                                {"w_quantized", kConvMacs},
                                {"b_quantized", kConvOut},
                                {"x_scale", 1},
                                {"x_zero_point", 1},
                                {"w_scale", 1},
                                {"w_zero_point", 1},
                                {"r_scale", 1},
                                {"r_zero_point", 1}},
                               {{"r_QuantizeLinear_Output", kConvOut}}}));
  EXPECT_EQ(layers[1], (Counts{kGemmMacs + 20,
                               kGemmMacs + 3 * 20,
                               {{"f_QuantizeLinear_Output", kGemmMacs},
                                {"v_quantized", kGemmMacs},
                                {"c_quantized", 20},
                                {"r_scale", 1},
                                {"r_zero_point", 1},
                                {"v_scale", 1},
                                {"v_zero_point", 1},
                                {"y_scale", 1},
                                {"y_zero_point", 1}},
                               {{"y_QuantizeLinear_Output", 20}}}));
}

TEST(HandCountsTest, Int8PerChannelReadsAScaleForEachOutput) {
  Variant variant;
  variant.kind = Variant::Kind::kInt8;
  variant.int8.is_per_channel = true;
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), variant));
  const auto layers = ContractionsOf(written.path, StorageFormat::kDense);
  EXPECT_EQ(layers[0], (Counts{kConvMacs + kConvOut,
                               kConvMacs + 3 * kConvOut,
                               {{"x_QuantizeLinear_Output", kConvMacs},
                                {"w_quantized", kConvMacs},
                                {"w_scale", kConvOut},
                                {"w_zero_point", 8},
                                {"b_quantized", kConvOut},
                                {"x_scale", 1},
                                {"x_zero_point", 1},
                                {"r_scale", 1},
                                {"r_zero_point", 1}},
                               {{"r_QuantizeLinear_Output", kConvOut}}}));
}

TEST(HandCountsTest, Int4) {
  Variant variant;
  variant.kind = Variant::Kind::kInt4;
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), variant));
  const auto layers = ContractionsOf(written.path, StorageFormat::kDense);
  EXPECT_EQ(layers[0],
            (Counts{kConvMacs,
                    kConvMacs,
                    {{"x", kConvMacs}, {"w", kConvMacs}, {"b", kConvOut}},
                    {{"p", kConvOut}}}));
  // Each weight is scaled when it is used, by the scale of its block of 32.
  EXPECT_EQ(layers[1], (Counts{2 * kGemmMacs,
                               kGemmMacs,
                               {{"f", kGemmMacs},
                                {"v_Q4", kGemmMacs},
                                {"v_scales", 20 * 128 / 32},
                                {"c", 20}},
                               {{"y", 20}}}));
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
