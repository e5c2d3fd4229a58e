// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: what prepares features, maps and labels, and trees.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr char kMl[] = "ai.onnx.ml";
const Extent kN = Extent::Symbol("N");

OneNode Ml(const char* op, Dims dims, DataType type = DataType::kFloat32) {
  return OneNode(op, 1, kMl).Input(std::move(dims), type);
}

std::vector<double> Ones(int64_t count) {
  return std::vector<double>(static_cast<size_t>(count), 1.0);
}

TEST(FeatureShapes, FollowTheRows) {
  ExpectInfers({
      {Ml("Binarizer", {kN, 3}, DataType::kInt32), "int32 Nx3"},
      {Ml("Scaler", {kN, 3}, DataType::kInt64), "float32 Nx3"},
      {Ml("Scaler", {5, 3}).AttrFloats("scale", Ones(2)),
       "Scaler 'o0': attribute 'scale' has 2 elements but there are 3 "
       "features"},
      {Ml("Normalizer", {kN, 3}).Attr("norm", "L1"), "float32 Nx3"},
      {Ml("Normalizer", {5, 3}).Attr("norm", "L3"),
       "Normalizer 'o0': norm 'L3' is none of MAX, L1 and L2"},
      {Ml("Imputer", {kN, 3}).AttrFloats("imputed_value_floats", Ones(3)),
       "float32 Nx3"},
      {Ml("Imputer", {5, 3}).AttrFloats("imputed_value_floats", Ones(2)),
       "Imputer 'o0': attribute 'imputed_value_floats' has 2 elements but "
       "there "
       "are 3 features"},
      {Ml("Imputer", {5, 3}),
       "Imputer 'o0': no attribute 'imputed_value_...' has a value"},
      {Ml("OneHotEncoder", {kN, 3}).Attr("cats_int64s", Numbers{4, 7}),
       "float32 Nx3x2"},
      {Ml("OneHotEncoder", {kN}),
       "OneHotEncoder 'o0': no attribute 'cats_...' has a category"},
      {Ml("ArrayFeatureExtractor", {kN, 5}).Input({2}, DataType::kInt64),
       "float32 Nx2"},
      {Ml("ArrayFeatureExtractor", {5}).Input({1, 2}, DataType::kInt64),
       "float32 1x2"},
      {Ml("ArrayFeatureExtractor", {5}).Input({2}),
       "ArrayFeatureExtractor 'o0': the indices must be integers but are "
       "float32"},
      {Ml("FeatureVectorizer", {kN, 3}).Input({kN, 2}), "float32 Nx5"},
      {Ml("FeatureVectorizer", {4, 3})
           .Input({4, 2})
           .Attr("inputdimensions", Numbers{2, 4}),
       "float32 4x6"},
      {Ml("FeatureVectorizer", {3}).Input({2}), "float32 1x5"},
      {Ml("FeatureVectorizer", {4, 3}).Input({5, 2}),
       "FeatureVectorizer 'o0': operand 1 has 5 rows but those before it have "
       "4"},
      {Ml("FeatureVectorizer", {4, 3}).Attr("inputdimensions", Numbers{2, 4}),
       "FeatureVectorizer 'o0': inputdimensions has 2 elements but there are 1 "
       "operands"},
  });
}

TEST(MapsAndLabels, HaveTheTypesOfTheirTables) {
  ValueType map;
  map.kind = ValueKind::kMap;
  map.map_key = DataType::kInt64;
  map.element =
      std::make_shared<const ValueType>(ValueType(DataType::kFloat32, Dims{}));
  const auto of_map = [&map](const char* op) {
    return OneNode(op, 1, kMl).InputOf(map);
  };
  ExpectInfers({
      {Ml("LabelEncoder", {kN, 3})
           .AttrFloats("keys_floats", {1})
           .AttrStrings("values_strings", {"a"}),
       "string Nx3"},
      {OneNode("LabelEncoder", 1, kMl)
           .Input({kN}, DataType::kString)
           .AttrStrings("classes_strings", {"a"}),
       "int64 N"},
      {Ml("LabelEncoder", {kN}),
       "LabelEncoder 'o0': no attribute 'values_...' has a value"},
      {Ml("CategoryMapper", {kN}, DataType::kString), "int64 N"},
      {Ml("CategoryMapper", {kN}, DataType::kInt64), "string N"},
      {Ml("CategoryMapper", {kN}),
       "CategoryMapper 'o0': the input must be int64 or string but is float32"},
      {of_map("CastMap"), "float32 1xo0#1"},
      {of_map("CastMap").Attr("map_form", "SPARSE").Attr("max_map", 7),
       "float32 1x7"},
      {of_map("CastMap").Attr("cast_to", "TO_STRING"), "string 1xo0#1"},
      {of_map("CastMap").Attr("cast_to", "TO_BOOL"),
       "CastMap 'o0': cast_to 'TO_BOOL' is none of TO_FLOAT, TO_STRING and "
       "TO_INT64"},
      {of_map("CastMap").Attr("map_form", "LOOSE"),
       "CastMap 'o0': map_form 'LOOSE' is neither DENSE nor SPARSE"},
      {of_map("DictVectorizer").Attr("int64_vocabulary", Numbers{4, 5, 6}),
       "float32 3"},
      {of_map("DictVectorizer"),
       "DictVectorizer 'o0': no attribute '..._vocabulary' has an entry"},
      {Ml("CastMap", {3}),
       "CastMap 'o0': operand 0 must be a map but is "
       "float32 3"},
      {Ml("ZipMap", {kN, 2}).AttrStrings("classlabels_strings", {"a", "b"}),
       "seq(map(string, float32 scalar))"},
      {Ml("ZipMap", {4, 3}).AttrStrings("classlabels_strings", {"a", "b"}),
       "ZipMap 'o0': there are 2 keys but 3 columns"},
  });
}

TEST(FeaturesReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(121);
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 4), features = dice.Roll(1, 4);
    const Numbers dims = {rows, features};
    {
      Tally tally;
      Array x(tally, "i0", dims), y(tally, "o0", dims);
      for (int64_t e = 0; e < x.size(); ++e) {
        y.Write(e, Less(Number(tally, 0), x.Read(e)));
      }
      OneNode binarizer = Ml("Binarizer", DimsOf(dims));
      ExpectCounts(binarizer, tally, TextOf(dims));
      OneNode imputer = Ml("Imputer", DimsOf(dims));
      imputer.AttrFloats("imputed_value_floats", Ones(1));
      ExpectCounts(imputer, tally, TextOf(dims));
    }
    {
      Tally tally;
      const int64_t offsets = dice.Coin() ? features : dice.Roll(0, 1);
      const int64_t scales = dice.Coin() ? features : dice.Roll(0, 1);
      Array x(tally, "i0", dims), y(tally, "o0", dims);
      Array offset(tally, "offset", {offsets}), scale(tally, "scale", {scales});
      const Number one(tally, 1);
      ForEachIndex(dims, [&](const Numbers& at) {
        Number value = x.Read(at);
        if (offsets > 0) {
          value = value - (offsets > 1 ? offset.Read(at[1]) : one);
        }
        if (scales > 0) value = value * (scales > 1 ? scale.Read(at[1]) : one);
        y.Write(at, value);
      });
      OneNode node = Ml("Scaler", DimsOf(dims));
      node.AttrFloats("offset", Ones(offsets))
          .AttrFloats("scale", Ones(scales));
      ExpectCounts(node, tally, TextOf({rows, features, offsets, scales}));
    }
    {
      Tally tally;
      const int64_t categories = dice.Roll(1, 5);
      Array x(tally, "i0", dims), known(tally, "categories", {categories});
      Array y(tally, "o0", {rows, features, categories});
      ForEachIndex(dims, [&](const Numbers& at) {
        const Number value = x.Read(at);
        for (int64_t c = 0; c < categories; ++c) {
          y.Write({at[0], at[1], c}, Less(value, known.Read(c)));
        }
      });
      OneNode node = Ml("OneHotEncoder", DimsOf(dims));
      node.Attr("cats_int64s", Numbers(static_cast<size_t>(categories), 1));
      ExpectCounts(node, tally, TextOf({rows, features, categories}));
    }
  }
}

TEST(NormalizerReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(122);
  const char* const kNorms[] = {"MAX", "L1", "L2"};
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 4), features = dice.Roll(1, 5);
    const auto norm = static_cast<int>(dice.Roll(0, 2));
    Tally tally;
    Array x(tally, "i0", {rows, features}), y(tally, "o0", {rows, features});
    for (int64_t r = 0; r < rows; ++r) {
      Number size(tally, 0);
      for (int64_t f = 0; f < features; ++f) {
        const Number value = x.Read({r, f});
        if (norm == 0) size = Max(size, value);
        if (norm == 1) size = size + Max(value, Number(tally, 0));
        if (norm == 2) size = size + value * value;
      }
      if (norm == 2) size = size.Apply("sqrt", 1);
      Less(Number(tally, 0), size);
      const Number inverse = Number(tally, 1) / size;
      for (int64_t f = 0; f < features; ++f) {
        y.Write({r, f}, x.Read({r, f}) * inverse);
      }
    }
    OneNode node = Ml("Normalizer", {rows, features});
    node.Attr("norm", kNorms[norm]);
    ExpectCounts(node, tally, TextOf({rows, features, norm}));
  }
}

TEST(ColumnsReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(123);
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 3), operands = dice.Roll(2, 4);
    const bool converts = dice.Coin();
    OneNode node("FeatureVectorizer", 1, kMl);
    Numbers widths;
    Tally tally;
    Array y(tally, "o0", {rows, 100});
    for (int64_t o = 0; o < operands; ++o) {
      const int64_t columns = dice.Roll(1, 4);
      widths.push_back(dice.Roll(1, 5));
      node.Input({rows, columns},
                 converts ? DataType::kInt64 : DataType::kFloat32);
      Array x(tally, "i" + std::to_string(o), {rows, columns});
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < widths.back(); ++c) {
          Number value(tally, 0);
          if (c < columns) {
            value = x.Read({r, c});
            if (converts) value = Max(value, value);
          }
          y.Write(int64_t{0}, value);
        }
      }
    }
    node.Attr("inputdimensions", widths);
    ExpectCounts(node, tally, TextOf(widths));
  }
  ExpectView(Ml("FeatureVectorizer", {3, 4}));
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 4), features = dice.Roll(1, 4);
    const int64_t picked = dice.Roll(1, 5);
    Tally tally;
    Array x(tally, "i0", {rows, features}), at(tally, "i1", {picked});
    Array y(tally, "o0", {rows, picked});
    for (int64_t p = 0; p < picked; ++p) {
      at.Read(p);
      for (int64_t r = 0; r < rows; ++r) y.Write({r, p}, x.Read({r, 0}));
    }
    OneNode node = Ml("ArrayFeatureExtractor", {rows, features});
    node.Input({picked}, DataType::kInt64);
    ExpectCounts(node, tally, TextOf({rows, features, picked}));
  }
}

TEST(ZipMap, CopiesTheValues) {
  OneNode node = Ml("ZipMap", {4, 3});
  node.AttrStrings("classlabels_strings", {"a", "b", "c"});
  Tally tally;
  Array x(tally, "i0", {4, 3}), y(tally, "o0", {4, 3});
  for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
  ExpectCounts(node, tally, "ZipMap");
}

TEST(Lookups, CantBeCounted) {
  for (const char* op :
       {"CastMap", "CategoryMapper", "DictVectorizer", "LabelEncoder"}) {
    const OpDef* row = OneNode(op, 4, kMl).def();
    ASSERT_NE(row, nullptr) << op;
    EXPECT_EQ(row->count, nullptr) << op;
    EXPECT_FALSE(row->uncountable.empty()) << op;
  }
}

// ---- Trees ------------------------------------------------------------------

// A tree as nodes of an ensemble before opset 5: a chain of `depth`
// comparisons, whose true branches are leaves.
struct Chains {
  Numbers trees, ids, if_true, if_false, leaf_trees, leaf_ids;
  std::vector<std::string> modes;

  void Node(int64_t tree, int64_t id, int64_t yes, int64_t no,
            const char* mode) {
    trees.push_back(tree);
    ids.push_back(id);
    if_true.push_back(yes);
    if_false.push_back(no);
    modes.emplace_back(mode);
  }
  void Leaf(int64_t tree, int64_t id, int64_t votes) {
    Node(tree, id, 0, 0, "LEAF");
    for (int64_t v = 0; v < votes; ++v) {
      leaf_trees.push_back(tree);
      leaf_ids.push_back(id);
    }
  }
  // The last leaf has the most votes.
  void Add(int64_t tree, int64_t depth, int64_t votes) {
    for (int64_t d = 0; d < depth; ++d) {
      Node(tree, 2 * d, 2 * d + 1, 2 * d + 2, "BRANCH_LEQ");
      Leaf(tree, 2 * d + 1, 1);
    }
    Leaf(tree, 2 * depth, votes);
  }
  OneNode& Describe(OneNode& node, const std::string& prefix) const {
    return node.Attr("nodes_treeids", trees)
        .Attr("nodes_nodeids", ids)
        .Attr("nodes_truenodeids", if_true)
        .Attr("nodes_falsenodeids", if_false)
        .AttrStrings("nodes_modes", modes)
        .Attr(prefix + "_treeids", leaf_trees)
        .Attr(prefix + "_nodeids", leaf_ids);
  }
};

// Follows each of `depths` comparisons and adds `votes`.
Number Walk(Tally& tally, Array& x, int64_t depth, int64_t votes, Number sum) {
  Array thresholds(tally, "thresholds", {1}), nodes(tally, "nodes", {1});
  Array weights(tally, "weights", {1}), targets(tally, "targets", {1});
  for (int64_t d = 0; d < depth; ++d) {
    nodes.Read(int64_t{0});  // the feature's number
    Less(x.Read(int64_t{0}), thresholds.Read(int64_t{0}));
    nodes.Read(int64_t{0});  // the child
  }
  for (int64_t v = 0; v < votes; ++v) {
    targets.Read(int64_t{0});
    sum = sum + weights.Read(int64_t{0});
  }
  return sum;
}

TEST(TreesReference, RandomForestsCountTheirLongestPaths) {
  Dice dice(131);
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 3), features = dice.Roll(1, 3);
    const int64_t targets = dice.Roll(1, 3);
    const bool is_classifier = dice.Coin(), averages = dice.Coin();
    const bool has_base = dice.Coin();
    const Numbers depths = dice.Rolls(dice.Roll(1, 4), 1, 5);
    Chains chains;
    Numbers votes;
    for (size_t t = 0; t < depths.size(); ++t) {
      votes.push_back(dice.Roll(1, 3));
      chains.Add(static_cast<int64_t>(t), depths[t], votes.back());
    }
    OneNode node(
        is_classifier ? "TreeEnsembleClassifier" : "TreeEnsembleRegressor", 3,
        kMl);
    node.Input({rows, features});
    chains.Describe(node, is_classifier ? "class" : "target");
    if (has_base) node.AttrFloats("base_values", Ones(targets));
    if (is_classifier) {
      node.Attr("classlabels_int64s", Numbers(static_cast<size_t>(targets), 1))
          .Outputs(2);
    } else {
      node.Attr("n_targets", targets)
          .Attr("aggregate_function", averages ? "AVERAGE" : "SUM");
    }
    Tally tally;
    Array x(tally, "i0", {rows, features}), base(tally, "base", {targets});
    Array scores(tally, is_classifier ? "o1" : "o0", {rows, targets});
    Array labels(tally, "o0", {rows}), names(tally, "class labels", {1});
    for (int64_t r = 0; r < rows; ++r) {
      Number sum(tally, 0);
      for (size_t t = 0; t < depths.size(); ++t) {
        sum = Walk(tally, x, depths[t], votes[t], sum);
      }
      Number best(tally, 0);
      for (int64_t s = 0; s < targets; ++s) {
        Number score = has_base ? base.Read(s) : sum;
        if (!is_classifier && averages) score = score * Number(tally, 0.5);
        scores.Write({r, s}, score);
        if (is_classifier) best = Max(best, score);
      }
      if (is_classifier) labels.Write(r, names.Read(int64_t{0}));
    }
    ExpectCounts(node, tally, TextOf(depths) + " " + TextOf(votes));
  }
}

// An ensemble of opset 5: a chain from each root, of leaves but for the end.
OneNode Ensemble(Numbers roots, Numbers if_false, Numbers false_leafs) {
  const Numbers all(if_false.size(), 1);
  return OneNode("TreeEnsemble", 5, kMl)
      .Input({4, 3})
      .Attr("n_targets", 2)
      .Attr("tree_roots", std::move(roots))
      .Attr("nodes_truenodeids", Numbers(if_false.size(), 0))
      .Attr("nodes_trueleafs", all)
      .Attr("nodes_falsenodeids", std::move(if_false))
      .Attr("nodes_falseleafs", std::move(false_leafs))
      .Attr("leaf_targetids", all);
}

TEST(TreeEnsemble, CountsTheLongestPathOfEachTree) {
  // Nodes 0, 1 and 2 are a chain; node 3 stands alone.
  OneNode node = Ensemble({0, 3}, {1, 2, 0, 0}, {0, 0, 1, 1});
  EXPECT_EQ(node.InferText(), "float32 4x2");
  Tally tally;
  Array x(tally, "i0", {4, 3}), y(tally, "o0", {4, 2});
  for (int64_t r = 0; r < 4; ++r) {
    Number sum(tally, 0);
    for (const int64_t depth : {3, 1}) sum = Walk(tally, x, depth, 1, sum);
    for (int64_t s = 0; s < 2; ++s) y.Write({r, s}, sum);
  }
  ExpectCounts(node, tally, "TreeEnsemble");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.bound_reason,
            "each row is counted along the longest path of every tree");
}

TEST(TreeEnsemble, RefusesNodesThatAreNoTree) {
  EXPECT_THAT(Ensemble({0}, {1, 0}, {0, 0}).Count(),
              FailsWith("TreeEnsemble 'o0': the nodes form a cycle"));
  EXPECT_THAT(Ensemble({0}, {0}, {0}).Count(),
              FailsWith("TreeEnsemble 'o0': the nodes form a cycle"));
  EXPECT_THAT(Ensemble({0}, {7}, {0}).Count(),
              FailsWith("TreeEnsemble 'o0': there is no node 7 among 1"));
  EXPECT_THAT(Ensemble({-1}, {0}, {1}).Count(),
              FailsWith("TreeEnsemble 'o0': there is no node -1 among 1"));
  EXPECT_THAT(Ensemble({0}, {0, 0}, {1}).Count(),
              FailsWith("TreeEnsemble 'o0': attribute 'nodes_falseleafs' has 1 "
                        "elements but there are 2"));
  EXPECT_THAT(
      Ensemble({0}, {0}, {1}).AttrFloats("membership_values", {1}).Count(),
      FailsWith("TreeEnsemble 'o0': how many members a test of membership "
                "compares depends on the data"));
}

TEST(Trees, OfOlderOpsetsRefuseNodesThatAreNoTree) {
  const auto regressor = [](const Chains& chains) {
    OneNode node("TreeEnsembleRegressor", 3, kMl);
    node.Input({4, 3});
    chains.Describe(node, "target");
    return node;
  };
  Chains cycle, gap, twice;
  cycle.Node(0, 0, 0, 0, "BRANCH_LEQ");
  gap.Node(0, 0, 1, 2, "BRANCH_LEQ");
  twice.Leaf(0, 0, 1);
  twice.Leaf(0, 0, 1);
  EXPECT_THAT(regressor(cycle).Count(),
              FailsWith("TreeEnsembleRegressor 'o0': the nodes form a cycle"));
  EXPECT_THAT(regressor(gap).Count(),
              FailsWith("TreeEnsembleRegressor 'o0': tree 0 has no node 1"));
  EXPECT_THAT(regressor(twice).Count(),
              FailsWith("TreeEnsembleRegressor 'o0': tree 0 has two nodes 0"));
  EXPECT_EQ(OneNode("TreeEnsembleRegressor", 3, kMl)
                .Input({4, 3})
                .Attr("n_targets", 0)
                .InferText(),
            "TreeEnsembleRegressor 'o0': n_targets must be at least 1 but is "
            "0");
}

}  // namespace
}  // namespace opcost
