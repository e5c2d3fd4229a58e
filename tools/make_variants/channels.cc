// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/channels.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/channel_graph.h"
#include "tools/make_variants/elements.h"
#include "tools/make_variants/values.h"

namespace opcost::variants {
namespace {

// For each axis of a tensor that is cut, which of its indices stay.
using Stays = std::map<int, std::vector<bool>>;

bool StaysAt(const Tensor& tensor, const Stays& stays, int64_t element) {
  int64_t inner = 1;
  for (int axis = static_cast<int>(tensor.dims.size()) - 1; axis >= 0; --axis) {
    const int64_t extent = tensor.dims[static_cast<size_t>(axis)];
    const auto along = stays.find(axis);
    if (along != stays.end() &&
        !along->second[static_cast<size_t>(element / inner % extent)])
      return false;
    inner *= extent;
  }
  return true;
}

// An index of the first axis at a time, whose elements are few.
absl::Status WriteStaying(const Tensor& tensor, const Stays& stays,
                          Sink* sink) {
  if (tensor.elements == 0) return absl::OkStatus();
  const int64_t width = WidthBits(tensor.type) / 8;
  const int64_t block = tensor.elements / tensor.dims[0];
  const auto first_axis = stays.find(0);
  std::string in(static_cast<size_t>(block * width), '\0');
  std::string out;
  for (int64_t i = 0; i < tensor.dims[0]; ++i) {
    if (first_axis != stays.end() &&
        !first_axis->second[static_cast<size_t>(i)])
      continue;
    OPCOST_RETURN_IF_ERROR(
        tensor.Read(i * block * width, block * width, in.data()));
    out.clear();
    for (int64_t e = 0; e < block; ++e) {
      if (StaysAt(tensor, stays, i * block + e))
        out.append(in, static_cast<size_t>(e * width),
                   static_cast<size_t>(width));
    }
    sink->Write(out.data(), static_cast<int64_t>(out.size()));
  }
  return absl::OkStatus();
}

class ChannelPruner {
 public:
  ChannelPruner(const Source& source, double fraction)
      : source_(source), fraction_(fraction), graph_(source) {}

  absl::StatusOr<NewModel> Prune();

 private:
  absl::Status Score();
  absl::Status AddScores(const Cut& cut);
  void Choose();
  Stays StaysOf(const std::string& tensor) const;
  void Note();
  void Shrink(NewTensor* made, const Tensor& tensor) const;

  const Source& source_;
  double fraction_;
  ChannelGraph graph_;
  std::map<int, std::vector<double>> scores_;  // by root
  std::map<int, std::vector<bool>> stays_;     // by root
  std::vector<std::string> notes_;
};

absl::Status ChannelPruner::AddScores(const Cut& cut) {
  const Tensor& tensor = *source_.Find(cut.tensor);
  int64_t inner = 1;
  for (size_t a = static_cast<size_t>(cut.axis) + 1; a < tensor.dims.size();
       ++a)
    inner *= tensor.dims[a];
  const int64_t extent = tensor.dims[static_cast<size_t>(cut.axis)];
  std::vector<double> sums(static_cast<size_t>(extent));
  if (!tensor.is_absent && IsPlainFloat(tensor.type)) {
    OPCOST_RETURN_IF_ERROR(WithFloat(tensor.type, [&](auto format) {
      using Format = decltype(format);
      int64_t at = 0;
      return tensor.ForEachPiece(1, [&](const char* bytes, int64_t count) {
        for (int64_t i = 0; i < count; ++i, ++at)
          sums[static_cast<size_t>(at / inner % extent)] +=
              std::fabs(Format::Load(BitsAt<typename Format::Bits>(bytes, i)));
        return absl::OkStatus();
      });
    }));
  } else {
    // The last go first.
    for (int64_t c = 0; c < extent; ++c)
      sums[static_cast<size_t>(c)] = static_cast<double>(extent - c);
  }
  size_t at = 0;
  for (const Segment& segment : cut.segments) {
    std::vector<double>& scores = scores_[graph_.Root(segment.set)];
    scores.resize(static_cast<size_t>(graph_.Size(segment.set)));
    for (double& score : scores)
      for (int64_t r = 0; r < segment.repeat; ++r) score += sums[at++];
  }
  return absl::OkStatus();
}

absl::Status ChannelPruner::Score() {
  for (const Cut& cut : graph_.cuts()) {
    const bool is_free = std::any_of(
        cut.segments.begin(), cut.segments.end(),
        [this](const Segment& s) { return graph_.Reason(s.set).empty(); });
    if (cut.is_scored && is_free) OPCOST_RETURN_IF_ERROR(AddScores(cut));
  }
  return absl::OkStatus();
}

void ChannelPruner::Choose() {
  for (const auto& [root, scores] : scores_) {
    if (!graph_.Reason(root).empty()) continue;
    const auto channels = static_cast<int64_t>(scores.size());
    const int64_t pruned = std::min(Share(fraction_, channels), channels - 1);
    if (pruned <= 0) continue;
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const std::vector<double>& by = scores;
    std::stable_sort(order.begin(), order.end(),
                     [&by](size_t a, size_t b) { return by[a] < by[b]; });
    std::vector<bool>& stays = stays_[root];
    stays.assign(scores.size(), true);
    for (int64_t i = 0; i < pruned; ++i)
      stays[order[static_cast<size_t>(i)]] = false;
  }
}

Stays ChannelPruner::StaysOf(const std::string& tensor) const {
  Stays stays;
  for (const Cut& cut : graph_.cuts()) {
    if (cut.tensor != tensor) continue;
    std::vector<bool> along;
    bool is_cut = false;
    for (const Segment& segment : cut.segments) {
      const auto found = stays_.find(graph_.Root(segment.set));
      is_cut |= found != stays_.end();
      for (int64_t c = 0; c < graph_.Size(segment.set); ++c)
        along.insert(
            along.end(), static_cast<size_t>(segment.repeat),
            found == stays_.end() || found->second[static_cast<size_t>(c)]);
    }
    if (is_cut) stays[cut.axis] = std::move(along);
  }
  return stays;
}

void ChannelPruner::Shrink(NewTensor* made, const Tensor& tensor) const {
  const Stays stays = StaysOf(tensor.name);
  if (stays.empty()) return;
  std::vector<int64_t> dims = tensor.dims;
  for (const auto& [axis, along] : stays)
    dims[static_cast<size_t>(axis)] =
        std::count(along.begin(), along.end(), true);
  NewTensor smaller = Declare(tensor.name, tensor.type, dims);
  smaller.is_absent = tensor.is_absent;
  smaller.fill = [tensor, stays](Sink* sink) {
    return WriteStaying(tensor, stays, sink);
  };
  *made = std::move(smaller);
}

void ChannelPruner::Note() {
  for (int set = 0; set < graph_.sets(); ++set) {
    if (!graph_.Reason(set).empty())
      notes_.push_back(absl::StrCat(
          graph_.Maker(set), " keeps its channels: ", graph_.Reason(set)));
  }
}

absl::StatusOr<NewModel> ChannelPruner::Prune() {
  OPCOST_RETURN_IF_ERROR(Score());
  Choose();
  Note();
  if (stays_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no operator's channels can go; ",
        notes_.empty() ? "no weight is stored, or the fraction is less than "
                         "half a channel of each"
                       : notes_.front(),
        notes_.size() > 1 ? absl::StrCat(", and ", notes_.size() - 1, " others")
                          : "",
        "; --prune sets single weights to zero instead"));
  }
  NewModel model;
  model.notes = std::move(notes_);
  model.proto = source_.proto();
  for (const Tensor& tensor : source_.tensors()) {
    model.tensors.push_back(Copy(tensor));
    Shrink(&model.tensors.back(), tensor);
  }
  onnx::GraphProto& graph = *model.proto.mutable_graph();
  for (const auto& [n, segments] : graph_.depthwise()) {
    int64_t groups = 0;
    for (const Segment& segment : segments) {
      const auto found = stays_.find(graph_.Root(segment.set));
      groups += found == stays_.end() ? graph_.Size(segment.set)
                                      : std::count(found->second.begin(),
                                                   found->second.end(), true);
    }
    SetInt(graph.mutable_node(n), "group", groups);
  }
  DropUnused(&model);
  return model;
}

}  // namespace

absl::StatusOr<NewModel> PruneChannels(const Source& source, double fraction) {
  return ChannelPruner(source, fraction).Prune();
}

}  // namespace opcost::variants
