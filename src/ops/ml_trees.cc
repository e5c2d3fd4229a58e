// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: ensembles of decision trees, counted along the longest path of
// each tree.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/ml_scores.h"

namespace opcost {
namespace {

constexpr absl::string_view kLongestPath =
    "each row is counted along the longest path of every tree";

// ---- Depths
// ------------------------------------------------------------------

// A child that is a leaf.
constexpr int64_t kLeaf = -1;

struct Inner {
  int64_t if_true = kLeaf;  // index of an inner node, or kLeaf
  int64_t if_false = kLeaf;
};

// For each inner node the number of comparisons on the longest path from it to
// a leaf; nullopt if the nodes form a cycle.
std::optional<std::vector<int64_t>> DepthsOf(const std::vector<Inner>& nodes) {
  constexpr int64_t kUnseen = 0;
  constexpr int64_t kOpen = -1;
  std::vector<int64_t> depths(nodes.size(), kUnseen);
  std::vector<size_t> path;
  for (size_t root = 0; root < nodes.size(); ++root) {
    if (depths[root] != kUnseen) continue;
    path.push_back(root);
    while (!path.empty()) {
      const size_t at = path.back();
      if (depths[at] > 0) {
        path.pop_back();
        continue;
      }
      const bool returns = depths[at] == kOpen;
      depths[at] = kOpen;
      int64_t below = 0;
      bool is_waiting = false;
      for (const int64_t child : {nodes[at].if_true, nodes[at].if_false}) {
        if (child == kLeaf) continue;
        const auto c = static_cast<size_t>(child);
        if (depths[c] > 0) {
          below = std::max(below, depths[c]);
          continue;
        }
        // A child that is still open when its parent is seen again, or before
        // it was ever below this node, is an ancestor.
        if (depths[c] == kOpen || returns) return std::nullopt;
        path.push_back(c);
        is_waiting = true;
      }
      if (is_waiting) continue;
      depths[at] = below + 1;
      path.pop_back();
    }
  }
  return depths;
}

// What a row of features meets, at most.
struct Forest {
  FeatureRows x;
  Extent nodes;    // inner nodes of all trees
  Extent visits;   // comparisons of a row
  Extent votes;    // of a row, at the leaves it reaches
  Extent weights;  // of all leaves
  Extent scores;   // of a row
  bool averages = false;
  bool has_base = false;
  PostTransform transform = PostTransform::kNone;
};

// ---- TreeEnsembleClassifier, TreeEnsembleRegressor
// ---------------------------

using NodeKey = std::pair<int64_t, int64_t>;  // tree, node

absl::StatusOr<absl::Span<const int64_t>> IntsLike(const NodeView& node,
                                                   absl::string_view name,
                                                   size_t expected) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> ints,
                          node.IntsView(name));
  if (ints.size() != expected) {
    return node.Invalid("attribute '", name, "' has ", ints.size(),
                        " elements but there are ", expected);
  }
  return ints;
}

// The inner nodes of all trees, by their places in the attributes nodes_*;
// leaves keep a place but have no comparison.
struct OldTrees {
  std::vector<Inner> nodes;
  std::vector<bool> is_leaf;
  absl::flat_hash_map<NodeKey, size_t> places;
  absl::Span<const int64_t> trees;
};

absl::Status ResolveChildren(const NodeView& node,
                             absl::Span<const int64_t> if_true,
                             absl::Span<const int64_t> if_false,
                             OldTrees* old) {
  for (size_t i = 0; i < old->trees.size(); ++i) {
    if (old->is_leaf[i]) continue;
    int64_t* const children[] = {&old->nodes[i].if_true,
                                 &old->nodes[i].if_false};
    const int64_t ids[] = {if_true[i], if_false[i]};
    for (size_t c = 0; c < 2; ++c) {
      const auto place = old->places.find(NodeKey{old->trees[i], ids[c]});
      if (place == old->places.end()) {
        return node.Invalid("tree ", old->trees[i], " has no node ", ids[c]);
      }
      if (!old->is_leaf[place->second]) {
        *children[c] = static_cast<int64_t>(place->second);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OldTrees> ReadOldTrees(const NodeView& node) {
  OldTrees old;
  OPCOST_ASSIGN_OR_RETURN(old.trees, node.IntsView("nodes_treeids"));
  const size_t count = old.trees.size();
  OPCOST_ASSIGN_OR_RETURN(const auto ids,
                          IntsLike(node, "nodes_nodeids", count));
  OPCOST_ASSIGN_OR_RETURN(const auto if_true,
                          IntsLike(node, "nodes_truenodeids", count));
  OPCOST_ASSIGN_OR_RETURN(const auto if_false,
                          IntsLike(node, "nodes_falsenodeids", count));
  OPCOST_ASSIGN_OR_RETURN(const auto modes, node.Strings("nodes_modes"));
  if (modes.size() != count) {
    return node.Invalid("attribute 'nodes_modes' has ", modes.size(),
                        " elements but there are ", count);
  }
  old.nodes.resize(count);
  old.is_leaf.resize(count);
  for (size_t i = 0; i < count; ++i) {
    old.is_leaf[i] = modes[i] == "LEAF";
    if (!old.places.emplace(NodeKey{old.trees[i], ids[i]}, i).second) {
      return node.Invalid("tree ", old.trees[i], " has two nodes ", ids[i]);
    }
  }
  OPCOST_RETURN_IF_ERROR(ResolveChildren(node, if_true, if_false, &old));
  return old;
}

// The most votes at one leaf of each tree, added up; and all votes.
absl::Status CountVotes(const NodeView& node, absl::string_view prefix,
                        Forest* forest) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> trees,
                          node.IntsView(absl::StrCat(prefix, "_treeids")));
  OPCOST_ASSIGN_OR_RETURN(
      const absl::Span<const int64_t> leaves,
      IntsLike(node, absl::StrCat(prefix, "_nodeids"), trees.size()));
  absl::flat_hash_map<NodeKey, int64_t> at_leaf;
  absl::flat_hash_map<int64_t, int64_t> most;
  for (size_t i = 0; i < trees.size(); ++i) {
    const int64_t votes = ++at_leaf[NodeKey{trees[i], leaves[i]}];
    int64_t& of_tree = most[trees[i]];
    of_tree = std::max(of_tree, votes);
  }
  for (const auto& [tree, votes] : most) forest->votes += votes;
  forest->weights = static_cast<int64_t>(trees.size());
  return absl::OkStatus();
}

absl::Status MeasureOldTrees(const NodeView& node, absl::string_view prefix,
                             Forest* forest) {
  OPCOST_ASSIGN_OR_RETURN(const OldTrees old, ReadOldTrees(node));
  const auto depths = DepthsOf(old.nodes);
  if (!depths.has_value()) return node.Invalid("the nodes form a cycle");
  // The deepest of a tree's nodes is its root.
  absl::flat_hash_map<int64_t, int64_t> deepest;
  for (size_t i = 0; i < old.trees.size(); ++i) {
    if (old.is_leaf[i]) continue;
    forest->nodes += 1;
    int64_t& of_tree = deepest[old.trees[i]];
    of_tree = std::max(of_tree, (*depths)[i]);
  }
  for (const auto& [tree, depth] : deepest) forest->visits += depth;
  OPCOST_RETURN_IF_ERROR(CountVotes(node, prefix, forest));
  OPCOST_ASSIGN_OR_RETURN(const int64_t base, FloatCount(node, "base_values"));
  forest->has_base = base > 0 || node.HasAttribute("base_values_as_tensor");
  OPCOST_ASSIGN_OR_RETURN(forest->transform, PostTransformOf(node));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> TargetsOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t targets, node.Int("n_targets", 1));
  if (targets < 1) {
    return node.Invalid("n_targets must be at least 1 but is ", targets);
  }
  return targets;
}

absl::StatusOr<OutputTypes> InferRegressor(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const FeatureRows x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t targets, TargetsOf(node));
  return OutputTypes{ValueType(DataType::kFloat32, {x.rows, targets})};
}

absl::StatusOr<OutputTypes> InferClassifier(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const FeatureRows x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(
      const ClassLabels labels,
      LabelsOf(node, "classlabels_int64s", "classlabels_strings"));
  return OutputTypes{ValueType(labels.type, {x.rows}),
                     ValueType(DataType::kFloat32, {x.rows, labels.count})};
}

// ---- Counts
// ------------------------------------------------------------------

// At each node the feature is compared with the threshold; the feature's
// number and the child's are read beside them. At each leaf, votes are added to
// the scores in output `o`.
void AddForest(OpCounts& counts, const TypedNodeView& node,
               const Forest& forest, int o) {
  const Extent& rows = forest.x.rows;
  const Count visits = Volume({rows, forest.visits});
  const Count votes = Volume({rows, forest.votes});
  const Count scores = Volume({rows, forest.scores});
  node.Let("rows", rows);
  node.Let("visits", visits);
  node.Let("votes", votes);
  node.Let("averages", forest.averages ? 1 : 0);
  node.Let("base", forest.has_base ? 1 : 0);
  const OperandSet format = OperandSet::Output(o);
  const OperandSet index = OperandSet::Fixed(DataType::kInt64);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), visits);
  AddArith(counts, ArithOp::kAdd, format, votes);
  if (forest.averages) AddArith(counts, ArithOp::kMul, format, scores);
  ReadInput(counts, node, 0, visits);
  UseScratch(counts, "thresholds", format, forest.nodes, visits, 0);
  UseScratch(counts, "nodes", index, forest.nodes * 3, visits * 2, 0);
  UseScratch(counts, "weights", format, forest.weights, votes, 0);
  UseScratch(counts, "targets", index, forest.weights, votes, 0);
  if (forest.has_base) {
    UseScratch(counts, "base", format, forest.scores, scores, 0);
  }
  WriteOutput(counts, node, o, scores);
  AddPostTransform(counts, node, forest.transform, o, rows, forest.scores);
  counts.bound_reason = std::string(kLongestPath);
}

absl::StatusOr<OpCounts> CountRegressor(const TypedNodeView& node) {
  Forest forest;
  OPCOST_ASSIGN_OR_RETURN(forest.x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(forest.scores, TargetsOf(node));
  OPCOST_RETURN_IF_ERROR(MeasureOldTrees(node, "target", &forest));
  OPCOST_ASSIGN_OR_RETURN(const std::string aggregate,
                          node.String("aggregate_function", "SUM"));
  forest.averages = aggregate == "AVERAGE";
  OpCounts counts;
  AddForest(counts, node, forest, 0);
  return counts;
}

absl::StatusOr<OpCounts> CountClassifier(const TypedNodeView& node) {
  Forest forest;
  OPCOST_ASSIGN_OR_RETURN(forest.x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(
      const ClassLabels labels,
      LabelsOf(node, "classlabels_int64s", "classlabels_strings"));
  forest.scores = labels.count;
  OPCOST_RETURN_IF_ERROR(MeasureOldTrees(node, "class", &forest));
  OpCounts counts;
  AddForest(counts, node, forest, 1);
  AddLabels(counts, node, forest.x.rows, forest.scores, labels.count);
  return counts;
}

// ---- TreeEnsemble
// ------------------------------------------------------------

absl::StatusOr<OutputTypes> InferTreeEnsemble(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const FeatureRows x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t targets, TargetsOf(node));
  return OutputTypes{ValueType(x.type, {x.rows, targets})};
}

// The place of a child: kLeaf, or an inner node.
absl::StatusOr<int64_t> ChildOf(const NodeView& node, int64_t is_leaf,
                                int64_t id, size_t nodes) {
  if (is_leaf != 0) return kLeaf;
  if (id < 0 || static_cast<size_t>(id) >= nodes) {
    return node.Invalid("there is no node ", id, " among ", nodes);
  }
  return id;
}

absl::StatusOr<std::vector<Inner>> ReadInnerNodes(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> if_true,
                          node.IntsView("nodes_truenodeids"));
  const size_t count = if_true.size();
  OPCOST_ASSIGN_OR_RETURN(const auto if_false,
                          IntsLike(node, "nodes_falsenodeids", count));
  OPCOST_ASSIGN_OR_RETURN(const auto true_leafs,
                          IntsLike(node, "nodes_trueleafs", count));
  OPCOST_ASSIGN_OR_RETURN(const auto false_leafs,
                          IntsLike(node, "nodes_falseleafs", count));
  std::vector<Inner> nodes(count);
  for (size_t i = 0; i < count; ++i) {
    OPCOST_ASSIGN_OR_RETURN(nodes[i].if_true,
                            ChildOf(node, true_leafs[i], if_true[i], count));
    OPCOST_ASSIGN_OR_RETURN(nodes[i].if_false,
                            ChildOf(node, false_leafs[i], if_false[i], count));
  }
  return nodes;
}

absl::StatusOr<PostTransform> NumberedTransform(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, node.Int("post_transform", 0));
  constexpr PostTransform kTransforms[] = {
      PostTransform::kNone, PostTransform::kSoftmax, PostTransform::kLogistic,
      PostTransform::kSoftmaxZero, PostTransform::kProbit};
  if (number < 0 || number > 4) {
    return node.Invalid("post_transform ", number, " is outside 0 to 4");
  }
  return kTransforms[number];
}

absl::StatusOr<OpCounts> CountTreeEnsemble(const TypedNodeView& node) {
  Forest forest;
  OPCOST_ASSIGN_OR_RETURN(forest.x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(forest.scores, TargetsOf(node));
  OPCOST_ASSIGN_OR_RETURN(const auto roots, node.IntsView("tree_roots"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<Inner> nodes, ReadInnerNodes(node));
  if (node.HasAttribute("membership_values")) {
    return node.Unknown(
        "how many members a test of membership compares depends on the data");
  }
  const auto depths = DepthsOf(nodes);
  if (!depths.has_value()) return node.Invalid("the nodes form a cycle");
  for (const int64_t root : roots) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t at,
                            ChildOf(node, 0, root, nodes.size()));
    forest.visits += (*depths)[static_cast<size_t>(at)];
  }
  forest.nodes = static_cast<int64_t>(nodes.size());
  // A leaf has one weight.
  forest.votes = static_cast<int64_t>(roots.size());
  OPCOST_ASSIGN_OR_RETURN(const auto targets, node.IntsView("leaf_targetids"));
  forest.weights = static_cast<int64_t>(targets.size());
  OPCOST_ASSIGN_OR_RETURN(const int64_t aggregate,
                          node.Int("aggregate_function", 1));
  forest.averages = aggregate == 0;
  OPCOST_ASSIGN_OR_RETURN(forest.transform, NumberedTransform(node));
  OpCounts counts;
  AddForest(counts, node, forest, 0);
  return counts;
}

constexpr absl::string_view kForestMul =
    "averages*rows*scores + softmaxes*(scores*exp + div + scores) + "
    "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)";
constexpr absl::string_view kForestAdd =
    "visits + votes + softmaxes*(3*scores + scores*exp + div) + zeros + "
    "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)";
constexpr Formula kRegressor = {
    "0",
    kForestMul,
    kForestAdd,
    "i0: visits; thresholds: visits; nodes: 2*visits; weights: votes; targets: "
    "votes; base: base*rows*scores; o0: 2*softmaxes*scores",
    "o0: rows*scores + 2*softmaxes*scores",
    "R1 R2 R3 R4 R6"};

constexpr OpDef kOps[] = {
    {.name = "TreeEnsemble",
     .since = 5,
     .infer = &InferTreeEnsemble,
     .count = &CountTreeEnsemble,
     .formula = kRegressor,
     .description = "per row and tree a comparison at each node of a path, "
                    "which reads feature, threshold, feature number and child, "
                    "and the votes of its leaf; the trees are scratch arrays "
                    "that are read",
     .domain = kMlDomain,
     .bound = kLongestPath},
    {.name = "TreeEnsembleClassifier",
     .since = 1,
     .infer = &InferClassifier,
     .count = &CountClassifier,
     .formula = {.mul = kForestMul,
                 .add = "visits + votes + compared + softmaxes*(3*scores + "
                        "scores*exp + div) + zeros + sigmoids*sigmoid + "
                        "probits*(7 + log + 2*sqrt)",
                 .reads = "i0: visits; thresholds: visits; nodes: 2*visits; "
                          "weights: votes; targets: votes; base: "
                          "base*rows*scores; o1: 2*softmaxes*scores; "
                          "class_labels: labelled",
                 .writes = "o0: rows; o1: rows*scores + 2*softmaxes*scores",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "per row and tree a comparison at each node of a path and "
                    "the votes of its leaf, as TreeEnsemble; then the label of "
                    "the best score",
     .domain = kMlDomain,
     .bound = kLongestPath},
    {.name = "TreeEnsembleRegressor",
     .since = 1,
     .infer = &InferRegressor,
     .count = &CountRegressor,
     .formula = kRegressor,
     .description = "per row and tree a comparison at each node of a path and "
                    "the votes of its leaf, as TreeEnsemble",
     .domain = kMlDomain,
     .bound = kLongestPath},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MlTreesOps() { return kOps; }

}  // namespace opcost
