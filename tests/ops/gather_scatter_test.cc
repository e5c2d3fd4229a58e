// SPDX-License-Identifier: Apache-2.0
// GatherElements, GatherND, Scatter and its kin: shapes, counts against plain
// loops, values, errors.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");
constexpr DataType kInt64 = DataType::kInt64;

OneNode Gathering(const char* op, Dims data, Dims indices, int opset = 13) {
  OneNode node(op, opset);
  node.Input(std::move(data)).Input(std::move(indices), kInt64);
  return node;
}

OneNode Scattering(const char* op, Dims data, Dims indices, Dims updates,
                   int opset = 18) {
  OneNode node(op, opset);
  node.Input(std::move(data)).Input(std::move(indices), kInt64);
  node.Input(std::move(updates));
  return node;
}

TensorValue Matrix(IntDims dims, std::vector<SymValue> elements) {
  return TensorValue::Integers(kInt64, std::move(dims), std::move(elements));
}

TEST(GatherElements, HasTheShapeOfTheIndices) {
  ExpectInfers({
      {Gathering("GatherElements", {3, 4}, {2, 4}), "float32 2x4"},
      {Gathering("GatherElements", {kN, 4}, {2, kN}, 11), "float32 2xN"},
      {Gathering("GatherElements", {3, 4}, {2}),
       "GatherElements 'o0': the data has 2 axes but the indices have 1"},
      {Gathering("GatherElements", {3, 4}, {2, 4}).Attr("axis", 2),
       "GatherElements 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("GatherElements", 13).Input({3}).Input({2}),
       "GatherElements 'o0': the indices must be integers but are float32"},
      {OneNode("GatherElements", 13).Input({3}).ConstantInts({0, 3}),
       "GatherElements 'o0': index 3 is outside the extent 3 of axis 0"},
  });
}

TEST(GatherND, TakesSlicesAtTuples) {
  ExpectInfers({
      {Gathering("GatherND", {2, 3, 4}, {5, 2}), "float32 5x4"},
      {Gathering("GatherND", {2, 3, 4}, {5, 3}), "float32 5"},
      {Gathering("GatherND", {kN, 3, 4}, {kN, 6, 1}).Attr("batch_dims", 1),
       "float32 Nx6x4"},
      // Opset 11 has no batch_dims.
      {Gathering("GatherND", {2, 3}, {2, 1}, 11).Attr("batch_dims", 1),
       "float32 2x3"},
      {Gathering("GatherND", {2, 3}, {5, 3}),
       "GatherND 'o0': the indices come in tuples of 3 but the data has 2 axes "
       "for them"},
      {Gathering("GatherND", {2, 3}, {5, 1}).Attr("batch_dims", 2),
       "GatherND 'o0': batch_dims is 2 but must be from 0 to 1"},
      {Gathering("GatherND", {2, 3}, {5, 1}).Attr("batch_dims", 1),
       "GatherND 'o0': batch axis 0 has extent 2 in the data but 5 in the "
       "indices"},
      {Gathering("GatherND", {2, 3}, {}),
       "GatherND 'o0': data 2x3 and indices scalar must have at least 1 axis "
       "each"},
      {Gathering("GatherND", {2, 3}, {5, kN}),
       "GatherND 'o0': the indices come in tuples of N, whose number isn't "
       "known"},
  });
}

TEST(Scatter, HasTheShapeOfTheData) {
  ExpectInfers({
      {Scattering("Scatter", {3, 4}, {2, 4}, {2, 4}, 9), "float32 3x4"},
      {Scattering("ScatterElements", {kN, 4}, {2, 4}, {2, 4}), "float32 Nx4"},
      {Scattering("ScatterND", {4, 4, 4}, {2, 1}, {2, 4, 4}), "float32 4x4x4"},
      {Scattering("ScatterElements", {3, 4}, {2, 4}, {2, 3}),
       "ScatterElements 'o0': the updates are 2x3 but data and indices ask for "
       "2x4"},
      {Scattering("ScatterND", {4, 4, 4}, {2, 1}, {2, 4}),
       "ScatterND 'o0': the updates are 2x4 but data and indices ask for "
       "2x4x4"},
      {Scattering("ScatterND", {4}, {2, 1}, {2}).Attr("reduction", "xor"),
       "ScatterND 'o0': attribute 'reduction' is 'xor' but must be none, add, "
       "mul, max or min"},
  });
}

TEST(TensorScatter, HasTheShapeOfTheCache) {
  const auto cache = [](Dims past, Dims update) {
    return OneNode("TensorScatter", 24)
        .Input(std::move(past))
        .Input(std::move(update));
  };
  ExpectInfers({
      {cache({2, 4, kN, 8}, {2, 4, 1, 8}).Input({2}, kInt64),
       "float32 2x4xNx8"},
      {cache({2, 9, 8}, {2, 3, 8}).Attr("axis", 1), "float32 2x9x8"},
      {cache({2, 9, 8}, {2, 3, 8}).Attr("axis", 0),
       "TensorScatter 'o0': axis 0 is the batch and can't be the sequence"},
      {cache({2, 9, 8}, {2, 10, 8}),
       "TensorScatter 'o0': the update has 10 steps but the cache 9"},
      {cache({2, 9, 8}, {2, 3, 7}),
       "TensorScatter 'o0': the updates are 2x3x7 but data and indices ask for "
       "2x3x8"},
      {cache({2, 9, 8}, {2, 3, 8}).Attr("mode", "round"),
       "TensorScatter 'o0': attribute 'mode' is 'round' but must be linear or "
       "circular"},
      {cache({2, 9, 8}, {2, 3, 8}).Input({3}, kInt64),
       "TensorScatter 'o0': the write indices are 3 but there must be one for "
       "each batch of 2"},
  });
}

TEST(GatherElements, ReadsAnElementAndAnIndexPerOutput) {
  Dice dice(31);
  for (int i = 0; i < 200; ++i) {
    const Numbers data = dice.Rolls(dice.Roll(1, 3), 2, 4);
    Numbers indices = dice.Rolls(static_cast<int64_t>(data.size()), 1, 2);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(data.size()) - 1);
    Tally tally;
    Array x(tally, "i0", data), at(tally, "i1", indices),
        y(tally, "o0", indices);
    ForEachIndex(indices, [&](const Numbers& q) {
      at.Read(q);
      Numbers from = q;
      from[static_cast<size_t>(axis)] =
          dice.Roll(0, data[static_cast<size_t>(axis)] - 1);
      y.Write(q, x.Read(from));
    });
    OneNode node = Gathering("GatherElements", DimsOf(data), DimsOf(indices));
    node.Attr("axis", axis);
    ExpectCounts(node, tally, TextOf(data) + " at " + TextOf(indices));
  }
}

TEST(GatherND, ReadsEachSliceAndEachIndexOnce) {
  Dice dice(32);
  for (int i = 0; i < 200; ++i) {
    const Numbers data = dice.Rolls(dice.Roll(1, 4), 1, 3);
    const auto rank = static_cast<int64_t>(data.size());
    const int64_t batch = dice.Roll(0, rank - 1);
    const int64_t length = dice.Roll(1, rank - batch);
    Numbers outer(data.begin(), data.begin() + batch);
    const Numbers more = dice.Rolls(dice.Roll(0, 2), 1, 3);
    outer.insert(outer.end(), more.begin(), more.end());
    const Numbers inner(data.begin() + batch + length, data.end());
    Numbers indices = outer;
    indices.push_back(length);
    Numbers out = outer;
    out.insert(out.end(), inner.begin(), inner.end());
    Tally tally;
    Array x(tally, "i0", data), at(tally, "i1", indices), y(tally, "o0", out);
    ForEachIndex(outer, [&](const Numbers& q) {
      Numbers from(q.begin(), q.begin() + batch);
      for (int64_t t = 0; t < length; ++t) {
        Numbers tuple = q;
        tuple.push_back(t);
        at.Read(tuple);
        from.push_back(dice.Roll(0, data[static_cast<size_t>(batch + t)] - 1));
      }
      ForEachIndex(inner, [&](const Numbers& rest) {
        Numbers source = from, target = q;
        source.insert(source.end(), rest.begin(), rest.end());
        target.insert(target.end(), rest.begin(), rest.end());
        y.Write(target, x.Read(source));
      });
    });
    OneNode node = Gathering("GatherND", DimsOf(data), DimsOf(indices));
    node.Attr("batch_dims", batch);
    ExpectCounts(node, tally, TextOf(data) + " at " + TextOf(indices));
  }
}

// Copies the data, then writes the updates, joined with what is there.
TEST(ScatterElements, CopiesTheDataAndWritesEachUpdate) {
  Dice dice(33);
  const char* const reductions[] = {"none", "add", "mul", "max", "min"};
  for (int i = 0; i < 200; ++i) {
    const Numbers data = dice.Rolls(dice.Roll(1, 3), 2, 4);
    const Numbers indices = dice.Rolls(static_cast<int64_t>(data.size()), 1, 2);
    const std::string reduction = reductions[dice.Roll(0, 4)];
    Tally tally;
    Array x(tally, "i0", data), at(tally, "i1", indices),
        update(tally, "i2", indices), y(tally, "o0", data);
    for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    ForEachIndex(indices, [&](const Numbers& q) {
      at.Read(q);
      Number value = update.Read(q);
      if (reduction == "add") value = y.Read(q) + value;
      if (reduction == "mul") value = y.Read(q) * value;
      if (reduction == "max") value = Max(y.Read(q), value);
      if (reduction == "min") value = Min(y.Read(q), value);
      y.Write(q, value);
    });
    OneNode node = Scattering("ScatterElements", DimsOf(data), DimsOf(indices),
                              DimsOf(indices));
    node.Attr("reduction", reduction.c_str());
    ExpectCounts(node, tally, TextOf(data) + reduction + TextOf(indices));
    if (reduction != "none") continue;
    // Its older name, which knows no reduction.
    OneNode older = Scattering("Scatter", DimsOf(data), DimsOf(indices),
                               DimsOf(indices), 9);
    ExpectCounts(older, tally, TextOf(data) + TextOf(indices));
  }
}

TEST(ScatterND, ReadsEachTupleOnceForItsWholeSlice) {
  Dice dice(34);
  for (int i = 0; i < 200; ++i) {
    const Numbers data = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const int64_t length = dice.Roll(1, static_cast<int64_t>(data.size()));
    const Numbers outer = dice.Rolls(dice.Roll(1, 2), 1, 3);
    const Numbers inner(data.begin() + length, data.end());
    Numbers indices = outer;
    indices.push_back(length);
    Numbers updates = outer;
    updates.insert(updates.end(), inner.begin(), inner.end());
    Tally tally;
    Array x(tally, "i0", data), at(tally, "i1", indices),
        update(tally, "i2", updates), y(tally, "o0", data);
    for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    ForEachIndex(outer, [&](const Numbers& q) {
      Numbers place;
      for (int64_t t = 0; t < length; ++t) {
        Numbers tuple = q;
        tuple.push_back(t);
        at.Read(tuple);
        place.push_back(dice.Roll(0, data[static_cast<size_t>(t)] - 1));
      }
      ForEachIndex(inner, [&](const Numbers& rest) {
        Numbers to = place, from = q;
        to.insert(to.end(), rest.begin(), rest.end());
        from.insert(from.end(), rest.begin(), rest.end());
        y.Write(to, update.Read(from));
      });
    });
    OneNode node =
        Scattering("ScatterND", DimsOf(data), DimsOf(indices), DimsOf(updates));
    ExpectCounts(node, tally, TextOf(data) + " at " + TextOf(indices));
  }
}

TEST(TensorScatter, CopiesTheCacheAndWritesTheUpdate) {
  Dice dice(35);
  for (int i = 0; i < 100; ++i) {
    const Numbers past = dice.Rolls(3, 2, 4);
    Numbers update = past;
    update[1] = dice.Roll(1, past[1]);
    const bool has_indices = dice.Coin();
    Tally tally;
    Array x(tally, "i0", past), u(tally, "i1", update),
        at(tally, "i2", {past[0]}), y(tally, "o0", past);
    for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    for (int64_t b = 0; b < past[0] && has_indices; ++b) at.Read(b);
    ForEachIndex(update, [&](const Numbers& q) { y.Write(q, u.Read(q)); });
    OneNode node("TensorScatter", 24);
    node.Input(DimsOf(past)).Input(DimsOf(update)).Attr("axis", 1);
    if (has_indices) node.Input({past[0]}, kInt64);
    ExpectCounts(node, tally, TextOf(past) + TextOf(update));
  }
}

TEST(Scatter, WithoutUpdatesIsAView) {
  ExpectView(Scattering("ScatterElements", {3, 4}, {0, 4}, {0, 4}));
  ExpectView(Scattering("ScatterND", {3, 4}, {0, 1}, {0, 4}));
  ExpectView(OneNode("TensorScatter", 24).Input({2, 5, 4}).Input({2, 0, 4}));
}

TEST(Scatter, CountsSymbolically) {
  OneNode node = Scattering("ScatterND", {kN, 4}, {3, 1}, {3, 4});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.accesses.back().writes.ToString(), (kN * 4 + 12).ToString());
}

TEST(GatherScatter, FoldsPickedElements) {
  const TensorValue shape = Symbols({kSymN, 1, 2, 3});
  const TensorValue table = Matrix({2, 2}, {1, kSymN, 3, 4});
  ExpectFolds({
      {OneNode("GatherElements", 13).ConstantValue(shape).ConstantInts({-1, 0}),
       "int64 2: 3 N"},
      {OneNode("GatherElements", 13)
           .ConstantValue(table)
           .ConstantValue(Matrix({2, 1}, {1, 0}))
           .Attr("axis", 1),
       "int64 2x1: N 3"},
      {OneNode("GatherND", 13)
           .ConstantValue(table)
           .ConstantValue(Matrix({2, 1}, {1, -2})),
       "int64 2x2: 3 4 1 N"},
      {OneNode("GatherND", 13)
           .ConstantValue(table)
           .ConstantValue(Matrix({2, 1}, {1, 0}))
           .Attr("batch_dims", 1),
       "int64 2: N 3"},
      {OneNode("GatherND", 13)
           .ConstantValue(table)
           .ConstantValue(Matrix({1, 1}, {kSymN})),
       "unknown"},
      {OneNode("GatherND", 13)
           .ConstantValue(table)
           .ConstantValue(Matrix({1, 1}, {5})),
       "unknown"},
  });
}

TEST(GatherScatter, FoldsScatteredElements) {
  const TensorValue shape = Symbols({kSymN, 1, 2, 3});
  const TensorValue table = Matrix({2, 2}, {1, kSymN, 3, 4});
  ExpectFolds({
      {OneNode("ScatterElements", 18)
           .ConstantValue(shape)
           .ConstantInts({1, -1})
           .ConstantValue(Symbols({kSymN + 1, 9})),
       "int64 4: N N+1 2 9"},
      {OneNode("ScatterElements", 18)
           .ConstantValue(shape)
           .ConstantInts({0, 0})
           .ConstantInts({2, 3})
           .Attr("reduction", "add"),
       "int64 4: N+5 1 2 3"},
      {OneNode("ScatterND", 18)
           .ConstantValue(table)
           .ConstantValue(Matrix({1, 2}, {1, 1}))
           .ConstantValue(Symbols({kSymN})),
       "int64 2x2: 1 N 3 N"},
      {OneNode("ScatterND", 18)
           .ConstantValue(table)
           .ConstantValue(Matrix({1, 1}, {0}))
           .ConstantValue(Matrix({1, 2}, {7, 2}))
           .Attr("reduction", "mul"),
       "int64 2x2: 7 2*N 3 4"},
      {OneNode("ScatterND", 18)
           .ConstantValue(shape)
           .ConstantValue(Matrix({2, 1}, {1, 2}))
           .ConstantInts({5, 0})
           .Attr("reduction", "max"),
       "int64 4: N 5 2 3"},
      {OneNode("TensorScatter", 24)
           .ConstantValue(Matrix({1, 4, 1}, {0, 0, 0, 0}))
           .ConstantValue(Matrix({1, 2, 1}, {7, kSymN}))
           .ConstantInts({3})
           .Attr("axis", 1)
           .Attr("mode", "circular"),
       "int64 1x4x1: N 0 0 7"},
  });
}

}  // namespace
}  // namespace opcost
