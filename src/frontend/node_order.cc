// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/node_order.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace opcost {
namespace {

constexpr size_t kMaxNamesOfCycle = 8;

std::string Describe(const Graph& graph, size_t node) {
  return absl::StrCat(graph.nodes[node].op_type, " '",
                      graph.NodeLabel(graph.nodes[node]), "'");
}

// Calls `visit` with the producer of each value that `node` reads.
template <typename Visitor>
void ForEachProducer(const Graph& graph, const Node& node, Visitor visit) {
  const auto visit_value = [&](ValueIndex value) {
    if (value == kAbsent) return;
    const int32_t producer = graph.values[static_cast<size_t>(value)].producer;
    if (producer >= 0) visit(static_cast<size_t>(producer));
  };
  for (const ValueIndex value : node.inputs) visit_value(value);
  for (const ValueIndex value : node.captured) visit_value(value);
}

// A cycle among the nodes that still wait for others.
absl::Status CycleError(const Graph& graph, const std::vector<int>& waits_for) {
  std::vector<size_t> path;
  std::vector<size_t> place(graph.nodes.size(), SIZE_MAX);
  size_t node = 0;
  while (waits_for[node] == 0) ++node;
  while (place[node] == SIZE_MAX) {
    place[node] = path.size();
    path.push_back(node);
    size_t next = SIZE_MAX;
    ForEachProducer(graph, graph.nodes[node], [&](size_t producer) {
      if (waits_for[producer] != 0) next = std::min(next, producer);
    });
    node = next;
  }
  // The path runs against the data; the message runs with them, from the node
  // that stands first in the file.
  std::vector<size_t> cycle(
      path.begin() + static_cast<std::ptrdiff_t>(place[node]), path.end());
  std::reverse(cycle.begin(), cycle.end());
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()),
              cycle.end());
  if (cycle.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        Describe(graph, cycle[0]),
        " reads its own output; a graph's nodes can't form a cycle"));
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(cycle.size(), kMaxNamesOfCycle); ++i) {
    names.push_back(Describe(graph, cycle[i]));
  }
  if (cycle.size() > kMaxNamesOfCycle) {
    names.push_back(absl::StrCat(cycle.size() - kMaxNamesOfCycle, " more"));
  }
  names.push_back(Describe(graph, cycle[0]));
  return absl::InvalidArgumentError(
      absl::StrCat("the graph is cyclic: ", absl::StrJoin(names, " -> ")));
}

}  // namespace

absl::Status SortNodes(Graph* graph) {
  const size_t count = graph->nodes.size();
  std::vector<int> waits_for(count, 0);
  std::vector<std::vector<size_t>> readers(count);
  for (size_t n = 0; n < count; ++n) {
    ForEachProducer(*graph, graph->nodes[n], [&](size_t producer) {
      readers[producer].push_back(n);
      ++waits_for[n];
    });
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t n = 0; n < count; ++n) {
    if (waits_for[n] == 0) ready.push(n);
  }
  std::vector<Node> sorted;
  std::vector<size_t> order;
  order.reserve(count);
  while (!ready.empty()) {
    const size_t n = ready.top();
    ready.pop();
    order.push_back(n);
    for (const size_t reader : readers[n]) {
      if (--waits_for[reader] == 0) ready.push(reader);
    }
  }
  if (order.size() < count) return CycleError(*graph, waits_for);
  sorted.reserve(count);
  for (const size_t n : order) {
    for (const ValueIndex output : graph->nodes[n].outputs) {
      if (output == kAbsent) continue;
      graph->values[static_cast<size_t>(output)].producer =
          static_cast<int32_t>(sorted.size());
    }
    sorted.push_back(std::move(graph->nodes[n]));
  }
  graph->nodes = std::move(sorted);
  return absl::OkStatus();
}

}  // namespace opcost
