// SPDX-License-Identifier: Apache-2.0
// Student's interval.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "opcost/measure/protocol.h"

namespace opcost {
namespace {

// The 0.975 quantiles for 1 to 30 degrees of freedom; rounded to three digits
// they are those of the NIST/SEMATECH e-Handbook of Statistical
// Methods, 1.3.6.7.2.
constexpr std::array<double, 30> kQuantiles = {
    12.70620474, 4.30265273, 3.18244631, 2.77644511, 2.57058184, 2.44691185,
    2.36462425,  2.30600414, 2.26215716, 2.22813885, 2.20098516, 2.17881283,
    2.16036866,  2.14478669, 2.13144955, 2.11990530, 2.10981558, 2.10092204,
    2.09302405,  2.08596345, 2.07961384, 2.07387307, 2.06865761, 2.06389856,
    2.05953855,  2.05552944, 2.05183052, 2.04840714, 2.04522964, 2.04227246,
};
// Of the normal distribution.
constexpr double kNormalQuantile = 1.959963984540054;

}  // namespace

double StudentQuantile95(int64_t degrees) {
  if (degrees <= static_cast<int64_t>(kQuantiles.size())) {
    return kQuantiles[static_cast<size_t>(std::max<int64_t>(degrees, 1) - 1)];
  }
  const double n = static_cast<double>(degrees);
  const double x = kNormalQuantile;
  const double x2 = x * x;
  // Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
  const double g1 = x * (x2 + 1) / 4;
  const double g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
  const double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
  const double g4 =
      x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
  return x + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n;
}

double DeviationOf(absl::Span<const double> samples) {
  if (samples.size() < 2) return 0;
  const double mean = MeanOf(samples).mean;
  double squares = 0;
  for (const double sample : samples) {
    squares += (sample - mean) * (sample - mean);
  }
  return std::sqrt(squares / static_cast<double>(samples.size() - 1));
}

Interval MeanOf(absl::Span<const double> samples) {
  Interval interval;
  if (samples.empty()) return interval;
  const double count = static_cast<double>(samples.size());
  for (const double sample : samples) interval.mean += sample / count;
  if (samples.size() < 2) return interval;
  double squares = 0;
  for (const double sample : samples) {
    squares += (sample - interval.mean) * (sample - interval.mean);
  }
  interval.half_width =
      StudentQuantile95(static_cast<int64_t>(samples.size()) - 1) *
      std::sqrt(squares / (count - 1) / count);
  return interval;
}

double ModelledMemoryJoules(double bytes, double seconds) {
  return bytes / 8e9 * 3 * seconds;
}

}  // namespace opcost
