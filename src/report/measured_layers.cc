// SPDX-License-Identifier: Apache-2.0
// A runtime's layers beside the estimate's.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "opcost/report/measurement.h"

namespace opcost {
namespace {

constexpr size_t kMostBoundaries = 24;  // of the words in a runtime's name
constexpr size_t kMostFused = 16;  // layers that one kernel is looked for in
constexpr int kNone = -1;

using Names = absl::flat_hash_map<absl::string_view, int>;

// The layer that `name` names: itself, or the longest of its parts between
// blanks and the like: "conv1" in "fused conv1_nchwc".
int FindLayer(absl::string_view name, const Names& names) {
  const auto exact = names.find(name);
  if (exact != names.end()) return exact->second;
  std::vector<size_t> begins = {0}, ends;
  for (size_t i = 0; i < name.size() && begins.size() < kMostBoundaries; ++i) {
    if (absl::string_view(" _/:()").find(name[i]) == absl::string_view::npos) {
      continue;
    }
    ends.push_back(i);
    begins.push_back(i + 1);
  }
  ends.push_back(name.size());
  int found = kNone;
  size_t longest = 0;
  for (const size_t begin : begins) {
    for (const size_t end : ends) {
      if (end <= begin + longest) continue;
      const auto part = names.find(name.substr(begin, end - begin));
      if (part == names.end()) continue;
      found = part->second;
      longest = end - begin;
    }
  }
  return found;
}

// Which layers of the estimate each kernel of the runtime does.
class Kernels {
 public:
  Kernels(const Estimate& estimate, const Measurement& measurement)
      : estimate_(estimate),
        layers_(estimate.analysis->layers),
        kernel_of_(layers_.size(), kNone) {
    Names names;
    for (size_t i = 0; i < layers_.size(); ++i) {
      names.emplace(layers_[i].name, static_cast<int>(i));
    }
    for (const LayerTime& time : measurement.layers) {
      const int layer = FindLayer(time.name, names);
      int kernel = layer == kNone ? kNone : kernel_of_[Index(layer)];
      if (kernel == kNone) {
        kernel = static_cast<int>(rows_.size());
        rows_.push_back({time.name, time.op, 0, 0, std::nullopt});
        ops_.push_back(time.op);
        anchors_.push_back(layer);
        if (layer != kNone) kernel_of_[Index(layer)] = kernel;
      }
      rows_[Index(kernel)].seconds += time.seconds;
    }
    JoinFused();
  }

  std::vector<MeasuredLayer> Rows() {
    for (size_t k = 0; k < rows_.size(); ++k) {
      if (anchors_[k] != kNone) rows_[k].estimated = 0;
    }
    std::vector<int> best(rows_.size(), kNone);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const int kernel = kernel_of_[i];
      if (kernel == kNone) continue;
      const double pj = estimate_.layers[i].sums.total.pj;
      *rows_[Index(kernel)].estimated += pj;
      // A kernel is called after the layer that it mostly is.
      int& largest = best[Index(kernel)];
      if (largest == kNone ||
          pj > estimate_.layers[Index(largest)].sums.total.pj) {
        largest = static_cast<int>(i);
      }
    }
    for (size_t k = 0; k < rows_.size(); ++k) {
      if (best[k] == kNone) continue;
      rows_[k].name = layers_[Index(best[k])].name;
      rows_[k].op = layers_[Index(best[k])].node->op_type;
    }
    return std::move(rows_);
  }

 private:
  static size_t Index(int i) { return static_cast<size_t>(i); }

  // Layers without a kernel of their own are done by that of a neighbour.
  void JoinFused() {
    for (size_t i = 0; i < layers_.size(); ++i) {
      for (const ValueIndex value : layers_[i].outputs()) {
        if (value != kAbsent) producers_[value] = static_cast<int>(i);
      }
    }
    for (size_t k = 0; k < rows_.size(); ++k) {
      if (anchors_[k] != kNone) JoinProducers(static_cast<int>(k));
    }
    // A kernel took in what follows it.
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (kernel_of_[i] != kNone) continue;
      for (const ValueIndex value : layers_[i].inputs()) {
        const auto before = producers_.find(value);
        if (before == producers_.end()) continue;
        kernel_of_[i] = kernel_of_[Index(before->second)];
        break;
      }
    }
  }

  // A kernel may go by the name of the activation at its end: a Conv that is
  // called after the Relu behind its batch norm. Takes the layers up to the
  // nearest one that its operator names.
  void JoinProducers(int kernel) {
    const std::string& op = ops_[Index(kernel)];
    const int anchor = anchors_[Index(kernel)];
    if (absl::StrContains(op, layers_[Index(anchor)].node->op_type)) return;
    // Layers in the order of their distance, and which one each leads to.
    std::vector<std::pair<int, size_t>> reached = {{anchor, 0}};
    for (size_t r = 0; r < reached.size() && r < kMostFused; ++r) {
      const LayerCounts& layer = layers_[Index(reached[r].first)];
      if (r > 0 && absl::StrContains(op, layer.node->op_type)) {
        for (size_t step = r; step != 0; step = reached[step].second) {
          kernel_of_[Index(reached[step].first)] = kernel;
        }
        return;
      }
      for (const ValueIndex value : layer.inputs()) {
        const auto before = producers_.find(value);
        if (before == producers_.end() ||
            kernel_of_[Index(before->second)] != kNone) {
          continue;
        }
        reached.emplace_back(before->second, r);
      }
    }
  }

  const Estimate& estimate_;
  const std::vector<LayerCounts>& layers_;
  std::vector<int> kernel_of_;  // by layer
  absl::flat_hash_map<ValueIndex, int> producers_;
  // By kernel.
  std::vector<MeasuredLayer> rows_;
  std::vector<std::string> ops_;
  std::vector<int> anchors_;  // the layer that its name names
};

// Ranks from 1; what is equal shares the mean of its ranks.
std::vector<double> Ranks(absl::Span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    // Ranks begin + 1 to end.
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

}  // namespace

std::optional<double> RankCorrelation(absl::Span<const double> a,
                                      absl::Span<const double> b) {
  if (a.size() < 3 || a.size() != b.size()) return std::nullopt;
  const std::vector<double> x = Ranks(a), y = Ranks(b);
  const double mean = static_cast<double>(a.size() + 1) / 2;
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
    xy += (x[i] - mean) * (y[i] - mean);
  }
  if (xx == 0 || yy == 0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

MeasuredReport CompareMeasured(const Estimate& estimate,
                               const Measurement& measurement) {
  MeasuredReport report;
  report.estimate = &estimate;
  report.measurement = &measurement;
  if (measurement.layers.empty()) return report;
  report.layers = Kernels(estimate, measurement).Rows();
  double seconds = 0;
  for (const MeasuredLayer& layer : report.layers) seconds += layer.seconds;
  std::vector<double> measured, estimated;
  for (MeasuredLayer& layer : report.layers) {
    if (seconds > 0) {
      layer.joules = measurement.net_joules.mean * layer.seconds / seconds;
    }
    if (!layer.estimated.has_value()) continue;
    measured.push_back(layer.joules);
    estimated.push_back(*layer.estimated);
  }
  report.rank_correlation = RankCorrelation(measured, estimated);
  return report;
}

}  // namespace opcost
