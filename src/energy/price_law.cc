// SPDX-License-Identifier: Apache-2.0
#include "src/energy/price_law.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

// The entries of a curve that a width is computed from: two, or the same twice.
struct Bracket {
  const WidthPrice* low = nullptr;
  const WidthPrice* high = nullptr;
};

// The neighbours of `width_bits` inside the curve; at an end, the last entry.
Bracket Around(const PriceCurve& curve, int width_bits) {
  const auto above = std::find_if(
      curve.begin(), curve.end(),
      [&](const WidthPrice& entry) { return entry.width_bits >= width_bits; });
  if (above == curve.end()) return {&curve.back(), &curve.back()};
  if (above->width_bits == width_bits || above == curve.begin()) {
    return {&*above, &*above};
  }
  return {&*(above - 1), &*above};
}

// Combines value and bounds of two prices by `law`, and names both entries.
template <typename Law>
Price Combine(const Bracket& from, const Law& law) {
  const Price& a = *from.low->price;
  const Price& b = *from.high->price;
  Price result = a;
  result.pj = law(a.pj, b.pj);
  // Extrapolation may turn a range round.
  const double low = law(a.min_pj, b.min_pj);
  const double high = law(a.max_pj, b.max_pj);
  result.min_pj = std::min({low, high, result.pj});
  result.max_pj = std::max({low, high, result.pj});
  result.is_interpolated = true;
  if (from.low != from.high) {
    result.entry = absl::StrCat(a.entry, ", ", b.entry);
    if (a.source != b.source) {
      result.source = absl::StrCat(a.source, ", ", b.source);
    }
    if (a.table != b.table) result.table = absl::StrCat(a.table, ", ", b.table);
  }
  return result;
}

// The line through the two entries at `width_bits`.
double Line(const Bracket& from, int width_bits, double low, double high) {
  const double span = from.high->width_bits - from.low->width_bits;
  return low + (high - low) * (width_bits - from.low->width_bits) / span;
}

}  // namespace

Price Scaled(const Price& price, double factor) {
  Price result = price;
  result.pj *= factor;
  result.min_pj *= factor;
  result.max_pj *= factor;
  return result;
}

Price LinearPrice(const PriceCurve& curve, int width_bits) {
  const Bracket from = Around(curve, width_bits);
  if (from.high->width_bits == width_bits) return *from.high->price;
  return Combine(from, [&](double low, double high) {
    if (from.low == from.high) return high * width_bits / from.high->width_bits;
    return Line(from, width_bits, low, high);
  });
}

Price PowerPrice(const PriceCurve& curve, int width_bits) {
  Bracket from = Around(curve, width_bits);
  if (from.high->width_bits == width_bits) return *from.high->price;
  if (from.low == from.high && curve.size() > 1) {
    const bool below = width_bits < curve.front().width_bits;
    const size_t first = below ? 0 : curve.size() - 2;
    from = {&curve[first], &curve[first + 1]};
  }
  const double ratio = static_cast<double>(width_bits) / from.low->width_bits;
  return Combine(from, [&](double low, double high) {
    if (from.low == from.high) return low * ratio * ratio;
    if (low <= 0 || high <= 0) {
      return std::max(Line(from, width_bits, low, high), 0.0);
    }
    const double exponent =
        std::log(high / low) /
        std::log(static_cast<double>(from.high->width_bits) /
                 from.low->width_bits);
    return low * std::pow(ratio, exponent);
  });
}

bool IsProportional(const PriceCurve& curve) {
  if (curve.size() < 2) return false;
  constexpr double kTolerance = 1e-9;  // decimal fractions aren't exact
  const WidthPrice& first = curve.front();
  const auto same = [&](const WidthPrice& other, double Price::*part) {
    const double expected =
        first.price->*part * other.width_bits / first.width_bits;
    return std::abs(other.price->*part - expected) <=
           kTolerance * std::abs(expected);
  };
  return std::all_of(curve.begin(), curve.end(), [&](const WidthPrice& other) {
    return same(other, &Price::pj) && same(other, &Price::min_pj) &&
           same(other, &Price::max_pj);
  });
}

}  // namespace opcost
