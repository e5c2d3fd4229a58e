// SPDX-License-Identifier: Apache-2.0
// Variants whose weights alone differ: pruned ones and those of few values.
#include "tools/make_variants/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "tests/tools/variant_run.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Variant Pruned(double fraction) {
  Variant variant;
  variant.kind = Variant::Kind::kPruned;
  variant.fraction = fraction;
  return variant;
}

Variant Nm(int64_t n, int64_t m) {
  Variant variant;
  variant.kind = Variant::Kind::kNm;
  variant.n = n;
  variant.m = m;
  return variant;
}

Variant Uniform(int bits) {
  Variant variant;
  variant.kind = Variant::Kind::kUniform;
  variant.bits = bits;
  return variant;
}

// A convolution of two groups with 27 products (odd, so that blocks of 2, 4
// and 8 end early), and a Gemm of either layout.
constexpr char kNet[] =
    "g (float[1,6,8,8] x, float[8,3,3,3] w, float[8] b,"
    "   float[288,10] v, float[10] c, float[7,10] u) => (float[1,7] y) {"
    "  p = Conv<group = 2>(x, w, b)"
    "  r = Relu(p)"
    "  f = Flatten(r)"
    "  q = Gemm(f, v, c)"
    "  y = Gemm<transB = 1>(q, u)"
    "}";

int64_t Zeros(const std::vector<double>& elements) {
  return std::count(elements.begin(), elements.end(), 0);
}

TEST(ElementsTest, NarrowFloatsSurviveARoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto narrow = static_cast<uint16_t>(bits);
    const double half = Float16::Load(narrow);
    const double brain = Bfloat16::Load(narrow);
    if (!std::isnan(half)) {
      EXPECT_EQ(Float16::Store(half), narrow);
    }
    if (!std::isnan(brain)) {
      EXPECT_EQ(Bfloat16::Store(brain), narrow);
    }
  }
}

TEST(ElementsTest, NarrowFloatsRoundToNearestAndTiesToEven) {
  EXPECT_EQ(Float16::Store(1 + 1.0 / 2048), 0x3c00);   // a tie, down
  EXPECT_EQ(Float16::Store(1 + 3.0 / 2048), 0x3c02);   // a tie, up
  EXPECT_EQ(Float16::Store(1 + 1.01 / 2048), 0x3c01);  // beyond the tie
  EXPECT_EQ(Float16::Store(65519), 0x7bff);            // the greatest
  EXPECT_EQ(Float16::Store(65520), 0x7c00);            // infinity
  EXPECT_EQ(Float16::Store(-1e300), 0xfc00);
  EXPECT_EQ(Float16::Store(std::ldexp(1, -24)), 0x0001);  // subnormal
  EXPECT_EQ(Float16::Store(std::ldexp(1, -26)), 0x0000);
  EXPECT_TRUE(std::isnan(Float16::Load(Float16::Store(std::nan("")))));
  EXPECT_EQ(Bfloat16::Store(1 + 1.0 / 256), 0x3f80);
  EXPECT_EQ(Bfloat16::Store(1 + 3.0 / 256), 0x3f82);
}

TEST(PruneTest, ExactlyTheFractionOfEachWeightIsZero) {
  const std::string path = Save(WithWeights(kNet));
  const auto before = TensorsOf(path);
  for (const double fraction : {0.001, 0.25, 0.5, 0.9, 0.999}) {
    SCOPED_TRACE(fraction);
    ASSERT_OK_AND_ASSIGN(const Written written,
                         WriteVariantOf(path, Pruned(fraction)));
    ExpectSound(written.path);
    const auto after = TensorsOf(written.path);
    for (const char* name : {"w", "v", "u"}) {
      SCOPED_TRACE(name);
      const std::vector<double>& was = before.at(name).elements;
      const std::vector<double>& is = after.at(name).elements;
      ASSERT_EQ(is.size(), was.size());
      const auto zeros =
          std::llround(fraction * static_cast<double>(was.size()));
      EXPECT_EQ(Zeros(is), std::max<int64_t>(zeros, Zeros(was)));
      // What stayed is as it was, and no smaller than what went.
      double least_left = 1e9;
      double greatest_gone = 0;
      for (size_t i = 0; i < is.size(); ++i) {
        if (is[i] == 0) {
          greatest_gone = std::max(greatest_gone, std::fabs(was[i]));
        } else {
          EXPECT_EQ(is[i], was[i]);
          least_left = std::min(least_left, std::fabs(was[i]));
        }
      }
      EXPECT_LE(greatest_gone, least_left);
    }
    EXPECT_EQ(after.at("b").elements, before.at("b").elements);
    EXPECT_EQ(after.at("c").elements, before.at("c").elements);
  }
}

TEST(PruneTest, OfEqualMagnitudesThoseStoredFirstGo) {
  const std::string path = Save(WithWeights(
      "g (float[1,6] x, float[6,2] w) => (float[1,2] y) { y = MatMul(x, w) }",
      {{"w", {1, -1, 2, 1, 0.5, -2, 1, 1, -1, 2, 3, 1}}}));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Pruned(0.5)));
  EXPECT_THAT(TensorsOf(written.path).at("w").elements,
              ElementsAre(0, 0, 2, 0, 0, -2, 0, 0, -1, 2, 3, 1));
}

TEST(PruneTest, MoreZerosThanAskedForStay) {
  const std::string path = Save(WithWeights(
      "g (float[1,4] x, float[4,1] w) => (float[1,1] y) { y = MatMul(x, w) }",
      {{"w", {0, -0.0F, 0, 5}}}));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Pruned(0.25)));
  EXPECT_THAT(TensorsOf(written.path).at("w").elements,
              ElementsAre(0, 0, 0, 5));
}

TEST(PruneTest, KeptTensorsStayAsTheyAre) {
  const std::string path = Save(WithWeights(kNet));
  Variant variant = Pruned(0.9);
  variant.keep = {"u"};
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, variant));
  EXPECT_EQ(TensorsOf(written.path).at("u").elements,
            TensorsOf(path).at("u").elements);
  EXPECT_GE(Zeros(TensorsOf(written.path).at("w").elements), 194);
  EXPECT_THAT(written.notes,
              ElementsAre("2 weight tensors of 3096 elements changed"));
  variant.keep = {"b"};
  EXPECT_THAT(WriteVariantOf(path, variant),
              FailsWith("--keep b: no weight is called so"));
}

// Element `column` of row `row` in a matrix stored as the layout says.
struct Stride {
  int64_t block, row, column;
};

// Checks one matrix by the definition: of each M elements of a row at most N
// stay, and none that went is greater than one that stayed.
void ExpectPattern(const std::vector<double>& was,
                   const std::vector<double>& is, int64_t blocks, int64_t rows,
                   int64_t columns, Stride stride, int64_t n, int64_t m) {
  ASSERT_EQ(static_cast<int64_t>(was.size()), blocks * rows * columns);
  ASSERT_EQ(is.size(), was.size());
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t begin = 0; begin < columns; begin += m) {
        int64_t left = 0;
        double least_left = 1e9;
        double greatest_gone = 0;
        const int64_t end = std::min(begin + m, columns);
        for (int64_t c = begin; c < end; ++c) {
          const auto at = static_cast<size_t>(
              b * stride.block + r * stride.row + c * stride.column);
          if (is[at] == 0) {
            greatest_gone = std::max(greatest_gone, std::fabs(was[at]));
            continue;
          }
          EXPECT_EQ(is[at], was[at]);
          ++left;
          least_left = std::min(least_left, std::fabs(was[at]));
        }
        EXPECT_LE(left, n);
        if (end - begin <= n) {
          EXPECT_EQ(greatest_gone, 0);
        }
        EXPECT_LE(greatest_gone, least_left);
      }
    }
  }
}

struct NmCase {
  const char* what;
  const char* text;
  int64_t blocks, rows, columns;
  Stride stride;
};

constexpr NmCase kNmCases[] = {
    {"Conv of two groups",
     "g (float[1,6,4,4] x, float[8,3,3,3] w) => (float[1,8,2,2] y) {"
     "  y = Conv<group = 2>(x, w) }",
     1,
     8,
     3 * 3 * 3,
     {0, 27, 1}},
    {"ConvTranspose of two groups",
     "g (float[1,10,4,4] x, float[10,2,2,2] w) => (float[1,4,5,5] y) {"
     "  y = ConvTranspose<group = 2>(x, w) }",
     2,
     2 * 2 * 2,
     10 / 2,
     {5 * 8, 1, 8}},
    {"Gemm",
     "g (float[1,22] x, float[22,9] w) => (float[1,9] y) { y = Gemm(x, w) }",
     1,
     9,
     22,
     {0, 1, 9}},
    {"Gemm of a transposed matrix",
     "g (float[1,22] x, float[9,22] w) => (float[1,9] y) {"
     "  y = Gemm<transB = 1>(x, w) }",
     1,
     9,
     22,
     {0, 22, 1}},
    {"MatMul of several matrices",
     "g (float[2,3,13] x, float[2,13,11] w) => (float[2,3,11] y) {"
     "  y = MatMul(x, w) }",
     2,
     11,
     13,
     {13 * 11, 1, 11}},
    {"MatMul from the left",
     "g (float[6,5] x, float[4,6] w) => (float[4,5] y) { y = MatMul(w, x) }",
     1,
     4,
     6,
     {0, 6, 1}},
    {"MatMul with a Transpose between",
     "g (float[3,10] x, float[7,10] w) => (float[3,7] y) {"
     "  t = Transpose<perm = [1, 0]>(w)"
     "  y = MatMul(x, t) }",
     1,
     7,
     10,
     {0, 10, 1}},
    {"LSTM",
     "g (float[3,1,6] x, float[1,20,6] w, float[1,20,5] r) =>"
     "  (float[3,1,1,5] y) { y = LSTM<hidden_size = 5>(x, w, r) }",
     1,
     4 * 5,
     6,
     {0, 6, 1}},
    {"a row longer than a piece",
     "g (float[1,300001] x, float[2,300001] w) => (float[1,2] y) {"
     "  y = Gemm<transB = 1>(x, w) }",
     1,
     2,
     300001,
     {0, 300001, 1}},
};

TEST(NmTest, RowsAreOutputFeaturesHoweverTheyAreStored) {
  for (const NmCase& given : kNmCases) {
    SCOPED_TRACE(given.what);
    const std::string path = Save(WithWeights(given.text));
    const auto before = TensorsOf(path);
    for (const auto& [n, m] : {std::pair<int64_t, int64_t>{2, 4}, {1, 4}}) {
      ASSERT_OK_AND_ASSIGN(const Written written,
                           WriteVariantOf(path, Nm(n, m)));
      ExpectSound(written.path);
      ExpectPattern(before.at("w").elements,
                    TensorsOf(written.path).at("w").elements, given.blocks,
                    given.rows, given.columns, given.stride, n, m);
    }
  }
}

TEST(NmTest, OtherPatternsHoldToo) {
  const NmCase& given = kNmCases[0];
  const std::string path = Save(WithWeights(given.text));
  const auto before = TensorsOf(path);
  for (const auto& [n, m] :
       {std::pair<int64_t, int64_t>{1, 2}, {3, 8}, {1, 16}, {31, 32}}) {
    SCOPED_TRACE(absl::StrCat(n, ":", m));
    ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Nm(n, m)));
    ExpectPattern(before.at("w").elements,
                  TensorsOf(written.path).at("w").elements, given.blocks,
                  given.rows, given.columns, given.stride, n, m);
  }
}

TEST(UniformTest, ValuesAreTheNearestOfEquallySpacedOnes) {
  const std::string path = Save(WithWeights(kNet));
  const auto before = TensorsOf(path);
  for (const int bits : {1, 2, 7, 16}) {
    SCOPED_TRACE(bits);
    ASSERT_OK_AND_ASSIGN(const Written written,
                         WriteVariantOf(path, Uniform(bits)));
    ExpectSound(written.path);
    for (const char* name : {"w", "v", "u"}) {
      const std::vector<double>& was = before.at(name).elements;
      const auto after = TensorsOf(written.path);
      const std::vector<double>& is = after.at(name).elements;
      const auto [least, greatest] =
          std::minmax_element(was.begin(), was.end());
      const double step =
          (*greatest - *least) / (std::ldexp(1, bits) - 1);  // 2^bits points
      EXPECT_LE(std::set<double>(is.begin(), is.end()).size(),
                size_t{1} << bits);
      EXPECT_EQ(*std::min_element(is.begin(), is.end()), *least);
      EXPECT_NEAR(*std::max_element(is.begin(), is.end()), *greatest, 1e-6);
      for (size_t i = 0; i < is.size(); ++i) {
        EXPECT_NEAR(is[i], was[i], step / 2 + 1e-6);
        const double index = (is[i] - *least) / step;
        EXPECT_NEAR(index, std::round(index), 1e-2);
      }
    }
  }
}

TEST(UniformTest, OneValueStaysOneValue) {
  const std::string path = Save(WithWeights(
      "g (float[1,4] x, float[4,1] w) => (float[1,1] y) { y = MatMul(x, w) }",
      {{"w", {3, 3, 3, 3}}}));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Uniform(7)));
  EXPECT_THAT(TensorsOf(written.path).at("w").elements,
              ElementsAre(3, 3, 3, 3));
}

TEST(UniformTest, InfinityHasNoPlaceAmongThem) {
  const std::string path = Save(WithWeights(
      "g (float[1,4] x, float[4,1] w) => (float[1,1] y) { y = MatMul(x, w) }",
      {{"w", {0, 1, INFINITY, 3}}}));
  EXPECT_THAT(WriteVariantOf(path, Uniform(7)),
              FailsWith("tensor 'w' has elements that aren't finite; leave it "
                        "as it is (--keep w)"));
  EXPECT_FALSE(std::filesystem::exists(TestFolder() + "out/uniform7.onnx"));
}

// A MatMul of 8 weights, 1 to 8, of another type.
std::string SaveOfType(int32_t type, const std::string& bytes) {
  onnx::ModelProto model = WithWeights(
      "g (float[1,8] x, float[8,1] w) => (float[1,1] y) { y = MatMul(x, w) }");
  onnx::TensorProto* tensor = model.mutable_graph()->mutable_initializer(0);
  tensor->set_data_type(type);
  tensor->set_raw_data(bytes);
  for (auto* values : {model.mutable_graph()->mutable_input(0),
                       model.mutable_graph()->mutable_output(0)})
    values->mutable_type()->mutable_tensor_type()->set_elem_type(type);
  return Save(model);
}

template <typename Format>
void ExpectHalfPruned(int32_t type) {
  using Bits = typename Format::Bits;
  std::string bytes;
  for (const double x : {1, -2, 3, -4, 5, -6, 7, -8}) {
    const Bits bits = Format::Store(x);
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  const std::string path = SaveOfType(type, bytes);
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Pruned(0.5)));
  const std::string after =
      ReadModel(written.path).graph().initializer(0).raw_data();
  std::vector<double> elements;
  for (int64_t i = 0; i < 8; ++i)
    elements.push_back(Format::Load(BitsAt<Bits>(after.data(), i)));
  EXPECT_THAT(elements, ElementsAre(0, 0, 0, 0, 5, -6, 7, -8));
}

TEST(PruneTest, OtherFloatTypesKeepTheirType) {
  ExpectHalfPruned<Float16>(onnx::TensorProto::FLOAT16);
  ExpectHalfPruned<Bfloat16>(onnx::TensorProto::BFLOAT16);
  ExpectHalfPruned<Float64>(onnx::TensorProto::DOUBLE);
}

TEST(PruneTest, MemoryIsThatOfAPieceWhateverTheTensor) {
  // 8 M weights: 32 MB that are all zero, but take no place on the disk.
  onnx::ModelProto model = *ProtoFromText(
      "g (float[1,4096] x) => (float[1,2048] y) { y = MatMul(x, w) }");
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_dims(4096);
  tensor->add_dims(2048);
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  auto* location = tensor->add_external_data();
  location->set_key("location");
  location->set_value("net.data");
  const std::string path = Save(model);
  std::ofstream(TestFolder() + "net.data").put(0);
  std::filesystem::resize_file(TestFolder() + "net.data", 4 * 4096 * 2048);
  const auto peak_kilobytes = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak_kilobytes();
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Nm(2, 4)));
  EXPECT_LT(peak_kilobytes() - before, 16 * 1024);
  EXPECT_EQ(std::filesystem::file_size(TestFolder() + "out/2of4.weights"),
            4 * 4096 * 2048);
  std::filesystem::remove_all(TestFolder());
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
