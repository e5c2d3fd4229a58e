// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/draw.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/extent.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr int kMostTries = 100000;
constexpr int64_t kBytesPerElement = 4;  // float32

// Numbers that are the same wherever they are drawn: the standard fixes the
// engine's, but not those of its distributions.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  int64_t From(const DrawRange& range) {
    const uint64_t count = static_cast<uint64_t>(range.most - range.least) + 1;
    constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
    const uint64_t unbiased = kMost - kMost % count;
    uint64_t number = engine_();
    while (number >= unbiased) number = engine_();
    return range.least + static_cast<int64_t>(number % count);
  }

 private:
  std::mt19937_64 engine_;
};

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014):
// neighbouring numbers give unrelated ones.
uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15U;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31);
}

uint64_t SeedOf(const LayerDraw& draw, uint64_t seed) {
  uint64_t mixed = Mix(seed);
  for (const char c : draw.operator_name) {
    mixed = Mix(mixed ^ static_cast<unsigned char>(c));
  }
  return Mix(mixed ^ static_cast<uint64_t>(draw.index));
}

// A layer that was drawn, unless its geometry is none.
struct Candidate {
  std::string text;
  Extent elements;  // of all its tensors
  Extent work;      // multiply-accumulates, or elements that windows see
};
using Drawn = std::optional<Candidate>;

// The parameters of convolutions and pools.
struct Image {
  int64_t batch, size, kernel, stride, padding;

  Image(const ParameterRanges& ranges, Random& random)
      : batch(random.From(ranges.batch)),
        size(random.From(ranges.image)),
        kernel(random.From(ranges.kernel)),
        stride(random.From(ranges.stride)),
        padding(random.From(ranges.padding)) {}

  // Positions of a window along one axis; 0 if it doesn't fit.
  int64_t positions() const {
    const int64_t room = size + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
  }
  std::string Input(int64_t channels) const {
    return absl::StrCat(" x=", batch, "x", channels, "x", size, "x", size);
  }
  std::string Window() const {
    return absl::StrCat(" strides=", stride, ",", stride, " pads=", padding,
                        ",", padding, ",", padding, ",", padding);
  }
  Extent Elements(int64_t channels, int64_t side) const {
    return Extent(batch) * channels * side * side;
  }
  Extent KernelElements() const { return Extent(kernel) * kernel; }
};

Drawn DrawConv(string_view op, const ParameterRanges& ranges, Random& random) {
  const Image image(ranges, random);
  const int64_t in = random.From(ranges.channels);
  const int64_t out = random.From(ranges.channels);
  const bool is_transposed = op == "ConvTranspose";
  int64_t side = image.positions();
  if (is_transposed) {
    side = (image.size - 1) * image.stride + image.kernel - 2 * image.padding;
  }
  if (side < 1) return std::nullopt;
  const Extent weights = image.KernelElements() * in * out;
  const int64_t places = is_transposed ? image.size : side;
  return Candidate{
      absl::StrCat(op, image.Input(in), " w=", is_transposed ? in : out, "x",
                   is_transposed ? out : in, "x", image.kernel, "x",
                   image.kernel, " b=", out, image.Window()),
      image.Elements(in, image.size) + weights + out +
          image.Elements(out, side),
      weights * image.batch * places * places};
}

Drawn DrawDepthwiseConv(string_view, const ParameterRanges& ranges,
                        Random& random) {
  const Image image(ranges, random);
  const int64_t channels = random.From(ranges.channels);
  const int64_t side = image.positions();
  if (side < 1) return std::nullopt;
  const Extent weights = image.KernelElements() * channels;
  return Candidate{absl::StrCat("Conv", image.Input(channels), " w=", channels,
                                "x1x", image.kernel, "x", image.kernel, " b=",
                                channels, " group=", channels, image.Window()),
                   image.Elements(channels, image.size) + weights + channels +
                       image.Elements(channels, side),
                   image.Elements(channels, side) * image.KernelElements()};
}

Drawn DrawPool(string_view op, const ParameterRanges& ranges, Random& random) {
  const Image image(ranges, random);
  const int64_t channels = random.From(ranges.channels);
  const int64_t side = image.positions();
  // Runtimes refuse windows that may lie in the padding alone.
  if (side < 1 || 2 * image.padding > image.kernel) return std::nullopt;
  return Candidate{
      absl::StrCat(op, image.Input(channels), " kernel_shape=", image.kernel,
                   ",", image.kernel, image.Window()),
      image.Elements(channels, image.size) + image.Elements(channels, side),
      image.Elements(channels, side) * image.KernelElements()};
}

Drawn DrawPerChannel(string_view op, const ParameterRanges& ranges,
                     Random& random) {
  const Image image(ranges, random);
  const int64_t channels = random.From(ranges.channels);
  const Extent elements = image.Elements(channels, image.size);
  const std::string text = absl::StrCat(op, image.Input(channels));
  if (op != "BatchNormalization") {
    return Candidate{text, elements + Extent(image.batch) * channels, elements};
  }
  return Candidate{absl::StrCat(text, " s=", channels, " b=", channels,
                                " m=", channels, " v=", channels),
                   elements * 2 + Extent(4) * channels, elements};
}

Drawn DrawMatrix(string_view op, const ParameterRanges& ranges,
                 Random& random) {
  const int64_t batch = random.From(ranges.batch);
  const int64_t in = random.From(ranges.features);
  const int64_t out = random.From(ranges.features);
  std::string text = absl::StrCat(op, " x=", batch, "x", in);
  if (op == "Linear") {
    absl::StrAppend(&text, " w=", out, "x", in, " b=", out);
  } else {
    absl::StrAppend(&text, " w=", in, "x", out);
  }
  return Candidate{
      std::move(text),
      Extent(batch) * in + Extent(in) * out + out + Extent(batch) * out,
      Extent(batch) * in * out};
}

// Rows of a batch that have about so many elements together.
struct Rows {
  int64_t batch, length;

  Rows(const ParameterRanges& ranges, Random& random)
      : batch(random.From(ranges.batch)),
        length(std::max<int64_t>(1, random.From(ranges.elements) / batch)) {}
  Extent elements() const { return Extent(batch) * length; }
};

Drawn DrawActivation(string_view op, const ParameterRanges& ranges,
                     Random& random) {
  const Rows rows(ranges, random);
  return Candidate{absl::StrCat(op, " x=", rows.batch, "x", rows.length),
                   rows.elements() * 2, rows.elements()};
}

Drawn DrawOfTwo(string_view op, const ParameterRanges& ranges, Random& random) {
  const Rows rows(ranges, random);
  const std::string shape = absl::StrCat(rows.batch, "x", rows.length);
  return Candidate{absl::StrCat(op, " x=", shape, " x2=", shape),
                   rows.elements() * 3, rows.elements()};
}

Drawn DrawLayerNormalization(string_view op, const ParameterRanges& ranges,
                             Random& random) {
  const Rows rows(ranges, random);
  return Candidate{absl::StrCat(op, " x=", rows.batch, "x", rows.length,
                                " s=", rows.length, " b=", rows.length),
                   rows.elements() * 2 + Extent(2) * rows.length,
                   rows.elements()};
}

struct DrawRow {
  string_view name;
  Drawn (*draw)(string_view op, const ParameterRanges&, Random&);
  bool is_default = false;
};

// The defaults come first, in the order of the published data.
constexpr DrawRow kRows[] = {
    {"Conv", &DrawConv, true},
    {"MaxPool", &DrawPool, true},
    {"AveragePool", &DrawPool, true},
    {"Linear", &DrawMatrix, true},
    {"Relu", &DrawActivation, true},
    {"Sigmoid", &DrawActivation, true},
    {"Tanh", &DrawActivation, true},
    {"Softmax", &DrawActivation, true},
    {"Abs", &DrawActivation},
    {"Add", &DrawOfTwo},
    {"BatchNormalization", &DrawPerChannel},
    {"Celu", &DrawActivation},
    {"ConvTranspose", &DrawConv},
    {"DepthwiseConv", &DrawDepthwiseConv},
    {"Div", &DrawOfTwo},
    {"Elu", &DrawActivation},
    {"Erf", &DrawActivation},
    {"Exp", &DrawActivation},
    {"GlobalAveragePool", &DrawPerChannel},
    {"GlobalMaxPool", &DrawPerChannel},
    {"HardSigmoid", &DrawActivation},
    {"HardSwish", &DrawActivation},
    {"LayerNormalization", &DrawLayerNormalization},
    {"LeakyRelu", &DrawActivation},
    {"LogSoftmax", &DrawActivation},
    {"MatMul", &DrawMatrix},
    {"Max", &DrawOfTwo},
    {"Min", &DrawOfTwo},
    {"Mul", &DrawOfTwo},
    {"Neg", &DrawActivation},
    {"Reciprocal", &DrawActivation},
    {"Selu", &DrawActivation},
    {"Softplus", &DrawActivation},
    {"Softsign", &DrawActivation},
    {"Sqrt", &DrawActivation},
    {"Sub", &DrawOfTwo},
};

bool IsAtMost(const Extent& extent, int64_t most) {
  return extent.is_concrete() && extent.value() <= most;
}

}  // namespace

std::vector<std::string> OperatorsDrawnByDefault() {
  std::vector<std::string> names;
  for (const DrawRow& row : kRows) {
    if (row.is_default) names.emplace_back(row.name);
  }
  return names;
}

std::vector<std::string> DrawableOperators() {
  std::vector<std::string> names;
  for (const DrawRow& row : kRows) names.emplace_back(row.name);
  return names;
}

std::vector<LayerDraw> TakeTurns(
    const std::vector<std::pair<std::string, int64_t>>& counts) {
  int64_t most = 0;
  for (const auto& [name, count] : counts) most = std::max(most, count);
  std::vector<LayerDraw> draws;
  for (int64_t index = 0; index < most; ++index) {
    for (const auto& [name, count] : counts) {
      if (index < count) draws.push_back({name, index});
    }
  }
  return draws;
}

absl::StatusOr<std::string> DrawLayer(const LayerRanges& ranges,
                                      const LayerDraw& draw, uint64_t seed) {
  const string_view name = draw.operator_name;
  const auto* const row =
      std::find_if(std::begin(kRows), std::end(kRows),
                   [&](const DrawRow& known) { return known.name == name; });
  if (row == std::end(kRows)) {
    return absl::NotFoundError(
        absl::StrCat("no layer of '", name, "' can be drawn",
                     DidYouMean(name, DrawableOperators())));
  }
  const auto own = ranges.operators.find(draw.operator_name);
  const ParameterRanges& from =
      own == ranges.operators.end() ? ranges.ranges : own->second;
  Random random(SeedOf(draw, seed));
  for (int i = 0; i < kMostTries; ++i) {
    Drawn drawn = row->draw(name, from, random);
    if (drawn.has_value() &&
        IsAtMost(drawn->elements * kBytesPerElement, ranges.max_bytes) &&
        IsAtMost(drawn->work, ranges.max_macs)) {
      return std::move(drawn->text);
    }
  }
  return absl::OutOfRangeError(absl::StrCat(
      "none of ", kMostTries, " draws of ", name,
      " is a layer within max_bytes = ", ranges.max_bytes, " and max_macs = ",
      ranges.max_macs, "; raise the limits, or narrow the ranges"));
}

}  // namespace opcost
