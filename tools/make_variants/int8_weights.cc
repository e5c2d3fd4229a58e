// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/int8_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {
namespace {

constexpr double kGreatest = 127;  // symmetric: -128 isn't used

// Which index along an axis element `i` of a tensor has.
struct Axis {
  int64_t extent = 1;
  int64_t inner = 1;
  size_t IndexOf(int64_t i) const {
    return static_cast<size_t>(i / inner % extent);
  }
};

Axis AxisOf(const Tensor& tensor, int axis) {
  Axis along;
  if (axis < 0) {
    along.inner = std::max<int64_t>(tensor.elements, 1);
    return along;
  }
  along.extent = tensor.dims[static_cast<size_t>(axis)];
  for (size_t a = static_cast<size_t>(axis) + 1; a < tensor.dims.size(); ++a)
    along.inner *= tensor.dims[a];
  return along;
}

// Calls `visit` with each element times its factor, and its place.
template <typename Visit>
absl::Status ForEachScaled(const Tensor& tensor, int factor_axis,
                           const std::vector<double>& factors,
                           const Visit& visit) {
  const Axis along = AxisOf(tensor, factors.empty() ? -1 : factor_axis);
  return WithFloat(tensor.type, [&](auto format) {
    using Format = decltype(format);
    int64_t at = 0;
    return tensor.ForEachPiece(1, [&](const char* bytes, int64_t count) {
      for (int64_t i = 0; i < count; ++i, ++at) {
        double x = Format::Load(BitsAt<typename Format::Bits>(bytes, i));
        if (!factors.empty()) x *= factors[along.IndexOf(at)];
        visit(x, at);
      }
      return absl::OkStatus();
    });
  });
}

NewTensor Bytes(NewTensor tensor, std::string bytes) {
  tensor.fill = [bytes = std::move(bytes)](Sink* sink) {
    sink->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
    return absl::OkStatus();
  };
  return tensor;
}

}  // namespace

absl::StatusOr<IntegerWeight> Measure(const Tensor& tensor, int axis,
                                      int factor_axis, const ChannelMap& map) {
  const Axis along = AxisOf(tensor, axis);
  IntegerWeight weight;
  weight.channels = along.extent;
  weight.inner = along.inner;
  weight.factors = map.factors;
  weight.scales.assign(static_cast<size_t>(along.extent),
                       tensor.is_absent ? kGreatest : 0);
  bool is_finite = true;
  if (!tensor.is_absent) {
    OPCOST_RETURN_IF_ERROR(ForEachScaled(
        tensor, factor_axis, map.factors, [&](double x, int64_t at) {
          double& greatest = weight.scales[along.IndexOf(at)];
          greatest = std::max(greatest, std::fabs(x));
          is_finite &= std::isfinite(x);
        }));
  }
  if (!is_finite) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor '", tensor.name,
        "' has elements that aren't finite, which int8 can't hold"));
  }
  for (double& scale : weight.scales)
    scale = scale == 0 ? 1 : scale / kGreatest;
  return weight;
}

NewTensor Integers(const std::string& name, const Tensor& tensor, int axis,
                   int factor_axis, const IntegerWeight& weight) {
  NewTensor integers = Declare(name, DataType::kInt8, tensor.dims);
  integers.is_absent = tensor.is_absent;
  const Axis along = AxisOf(tensor, axis);
  integers.fill = [tensor, along, factor_axis, weight](Sink* sink) {
    std::string out;
    const absl::Status status = ForEachScaled(
        tensor, factor_axis, weight.factors, [&](double x, int64_t at) {
          const double scaled =
              std::nearbyint(x / weight.scales[along.IndexOf(at)]);
          out.push_back(static_cast<char>(
              static_cast<int8_t>(std::clamp(scaled, -kGreatest, kGreatest))));
          if (static_cast<int64_t>(out.size()) < kPieceElements) return;
          sink->Write(out.data(), static_cast<int64_t>(out.size()));
          out.clear();
        });
    sink->Write(out.data(), static_cast<int64_t>(out.size()));
    return status;
  };
  return integers;
}

NewTensor IntegerBias(const std::string& name, const std::vector<int64_t>& dims,
                      const std::vector<double>& elements,
                      const std::vector<double>& scales) {
  constexpr double kMost = std::numeric_limits<int32_t>::max();
  std::string bytes;
  for (size_t i = 0; i < elements.size(); ++i) {
    const double scaled = elements[i] / scales[scales.size() == 1 ? 0 : i];
    const auto element =
        static_cast<int32_t>(std::clamp(std::nearbyint(scaled), -kMost, kMost));
    bytes.append(reinterpret_cast<const char*>(&element), sizeof(element));
  }
  return Bytes(Declare(name, DataType::kInt32, dims), std::move(bytes));
}

NewTensor Zeros(const std::string& name, DataType type,
                const std::vector<int64_t>& dims) {
  NewTensor tensor = Declare(name, type, dims);
  std::string bytes(static_cast<size_t>(tensor.bytes), '\0');
  return Bytes(std::move(tensor), std::move(bytes));
}

}  // namespace opcost::variants
