// SPDX-License-Identifier: Apache-2.0
// GridSample, AffineGrid, Col2Im, MaxUnpool, CenterCropPad: shapes, values,
// errors. Counts against plain loops stand in spatial_reference_test.cc.
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

OneNode GridSample(Dims x, Dims grid, int opset = 20) {
  return OneNode("GridSample", opset)
      .Input(std::move(x))
      .Input(std::move(grid));
}

TEST(GridSample, HasTheGridsSpatialShape) {
  ExpectInfers({
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 2}, 16), "float32 2x3x5x6"},
      {GridSample({kN, 3, 8, 9, 4}, {kN, 5, 6, 7, 3}), "float32 Nx3x5x6x7"},
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 2}, 16).Attr("mode", "bicubic"),
       "float32 2x3x5x6"},
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 2}).Attr("mode", "bicubic"),
       "GridSample 'o0': mode 'bicubic' isn't one of opset 20"},
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 2}, 16).Attr("mode", "linear"),
       "GridSample 'o0': mode 'linear' isn't one of opset 16"},
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 3}),
       "GridSample 'o0': the grid's positions have 3 coordinates but the input "
       "has 2 spatial axes"},
      {GridSample({2, 3, 8, 9}, {1, 5, 6, 2}),
       "GridSample 'o0': the input has a batch of 2 but the grid of 1"},
      {GridSample({2, 3, 8, 9}, {2, 5, 2}),
       "GridSample 'o0': input 2x3x8x9 and grid 2x5x2 must have the same "
       "number of axes, at least 3"},
      {GridSample({2, 3, 8, 9}, {2, 5, 6, 2}).Attr("padding_mode", "wrap"),
       "GridSample 'o0': attribute 'padding_mode' is 'wrap' but must be zeros, "
       "border or reflection"},
  });
}

TEST(GridSample, CountsSymbolically) {
  OneNode node = GridSample({kN, 3, 8, 9}, {kN, 5, 6, 2});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  // Four taps per output.
  EXPECT_EQ(counts.accesses[0].reads.ToString(), "360*N");
}

TEST(AffineGrid, HasACoordinatePerAxis) {
  const auto grid = [](Dims theta, Numbers size) {
    return OneNode("AffineGrid", 20)
        .Input(std::move(theta))
        .ConstantInts(std::move(size));
  };
  ExpectInfers({
      {grid({2, 2, 3}, {2, 3, 5, 6}), "float32 2x5x6x2"},
      {grid({2, 3, 4}, {2, 3, 4, 5, 6}), "float32 2x4x5x6x3"},
      {OneNode("AffineGrid", 20)
           .Input({kN, 2, 3})
           .ConstantValue(Symbols({kSymN, 3, 5, 6})),
       "float32 Nx5x6x2"},
      {grid({2, 2, 3}, {2, 3, 5}),
       "AffineGrid 'o0': the size must be of an image of 4 or 5 axes but has 3 "
       "elements"},
      {grid({2, 2, 3}, {2, 3, 4, 5, 6}),
       "AffineGrid 'o0': theta is 2x2x3 but must be 2x3x4"},
  });
}

TEST(Col2Im, HasTheImagesShape) {
  const auto image = [](Dims x, Numbers shape, Numbers block) {
    return OneNode("Col2Im", 18)
        .Input(std::move(x))
        .ConstantInts(std::move(shape))
        .ConstantInts(std::move(block));
  };
  ExpectInfers({
      {image({1, 5, 5}, {5, 5}, {1, 5}), "float32 1x1x5x5"},
      {image({kN, 12, 4}, {4, 4}, {2, 2}).Attr("strides", Numbers{2, 2}),
       "float32 Nx3x4x4"},
      {image({1, 9, 4}, {5, 5}, {3, 3}).Attr("strides", Numbers{2, 2}),
       "float32 1x1x5x5"},
      {image({1, 9, 9}, {5, 5}, {3, 3}).Attr("pads", Numbers{0, 0, 0, 0}),
       "float32 1x1x5x5"},
      {image({1, 9, 5}, {5, 5}, {3, 3}),
       "Col2Im 'o0': the input has 5 blocks but the image takes 9"},
      {image({1, 10, 9}, {5, 5}, {3, 3}),
       "Col2Im 'o0': a column of 10 elements doesn't divide into blocks of 9"},
      {image({1, 9, 9}, {2, 5}, {3, 3}),
       "Col2Im 'o0': a block spans 3 but the padded image has 2 on spatial "
       "axis 0"},
      {image({1, 9}, {5, 5}, {3, 3}),
       "Col2Im 'o0': the input must have 3 axes but is 1x9"},
      {image({1, 9, 9}, {5, 5}, {3}),
       "Col2Im 'o0': the image has 2 spatial axes but the blocks have 1"},
      {image({1, 9, 9}, {5, 5}, {3, 3}).Attr("strides", Numbers{1}),
       "Col2Im 'o0': strides must have 2 values but has 1"},
      {image({1, 9, 9}, {5, 5}, {3, 3}).Attr("dilations", Numbers{0, 1}),
       "Col2Im 'o0': dilations must be at least 1 but has 0"},
  });
}

TEST(MaxUnpool, InvertsThePoolingsShape) {
  const auto unpool = [](Dims x, Dims indices) {
    return OneNode("MaxUnpool", 11)
        .Input(std::move(x))
        .Input(std::move(indices), kInt64)
        .Attr("kernel_shape", Numbers{2, 2});
  };
  ExpectInfers({
      {unpool({1, 1, 2, 2}, {1, 1, 2, 2}).Attr("strides", Numbers{2, 2}),
       "float32 1x1x4x4"},
      {unpool({kN, 1, 3, 3}, {kN, 1, 3, 3}), "float32 Nx1x4x4"},
      {unpool({1, 1, 3, 3}, {1, 1, 3, 3}).Attr("pads", Numbers{1, 0, 0, 1}),
       "float32 1x1x3x3"},
      {unpool({1, 1, 2, 2}, {1, 1, 2, 2}).ConstantInts({1, 1, 5, 5}),
       "float32 1x1x5x5"},
      {unpool({1, 1, 2, 2}, {1, 1, 2, 3}),
       "MaxUnpool 'o0': the input is 1x1x2x2 but the indices are 1x1x2x3"},
      {unpool({1, 1, 1, 1}, {1, 1, 1, 1}).Attr("pads", Numbers{2, 0, 1, 0}),
       "MaxUnpool 'o0': axis 2 of the output is -1 but an extent can't be "
       "negative"},
      {unpool({1, 1, 2, 2}, {1, 1, 2, 2}).ConstantInts({5, 5}),
       "MaxUnpool 'o0': output_shape has 2 elements but the input has 4 axes"},
      {OneNode("MaxUnpool", 9).Input({1, 1, 2}).Input({1, 1, 2}, kInt64),
       "MaxUnpool 'o0': attribute 'kernel_shape' is missing"},
  });
}

TEST(CenterCropPad, TakesTheGivenExtents) {
  ExpectInfers({
      {OneNode("CenterCropPad", 18).Input({20, 10, 3}).ConstantInts({10, 7, 3}),
       "float32 10x7x3"},
      {OneNode("CenterCropPad", 18)
           .Input({20, 8, 3})
           .ConstantInts({10, 9})
           .Attr("axes", Numbers{-3, 1}),
       "float32 10x9x3"},
      {OneNode("CenterCropPad", 18).Input({kN}).ConstantValue(Symbols({kSymN})),
       "float32 N"},
      {OneNode("CenterCropPad", 18).Input({20, 8}).ConstantInts({10}),
       "CenterCropPad 'o0': the shape has 1 elements for 2 axes"},
  });
  ExpectView(OneNode("CenterCropPad", 18).Input({4, 5}).ConstantInts({4, 5}));
  ExpectFolds({
      {OneNode("CenterCropPad", 18)
           .ConstantValue(Symbols({1, 2, kSymN, 4}))
           .ConstantInts({1}),
       "int64 1: 2"},
      {OneNode("CenterCropPad", 18)
           .ConstantValue(Symbols({1, 2, kSymN, 4}))
           .ConstantInts({3}),
       "int64 3: 1 2 N"},
      {OneNode("CenterCropPad", 18)
           .ConstantValue(Symbols({kSymN, 2}))
           .ConstantInts({5}),
       "int64 5: 0 N 2 0 0"},
  });
}

TEST(DeformConv, ChecksItsOperands) {
  const auto conv = [](Dims x, Dims w, Dims offset) {
    return OneNode("DeformConv", 19)
        .Input(std::move(x))
        .Input(std::move(w))
        .Input(std::move(offset));
  };
  ExpectInfers({
      {conv({1, 2, 3, 3}, {4, 2, 2, 2}, {1, 8, 2, 2}), "float32 1x4x2x2"},
      {conv({kN, 2, 3, 3}, {4, 1, 2, 2}, {kN, 16, 4, 4})
           .Attr("group", 2)
           .Attr("offset_group", 2)
           .Attr("pads", Numbers{1, 1, 1, 1}),
       "float32 Nx4x4x4"},
      {conv({1, 2, 3, 3}, {4, 2, 2, 2}, {1, 4, 2, 2}),
       "DeformConv 'o0': the offset is 1x4x2x2 but must be 1x8x2x2"},
      {conv({1, 2, 3, 3}, {4, 2, 2, 2}, {1, 8, 2, 2})
           .Input({4})
           .Input({1, 8, 2, 2}),
       "DeformConv 'o0': the mask is 1x8x2x2 but must be 1x4x2x2"},
      {conv({1, 2, 3, 3}, {4, 2, 2, 2}, {1, 8, 2, 2}).Input({3}),
       "DeformConv 'o0': the bias is 3 but there are 4 output channels"},
      {conv({1, 3, 3, 3}, {4, 2, 2, 2}, {1, 8, 2, 2}),
       "DeformConv 'o0': the weight reads 2 x group 1 channels but the input "
       "has 3"},
      {conv({1, 3, 3, 3}, {4, 3, 2, 2}, {1, 8, 2, 2}).Attr("offset_group", 2),
       "DeformConv 'o0': offset_group 2 does not divide the 3 channels"},
      {conv({1, 2, 3, 3}, {4, 2, 2, 2}, {1, 8, 2, 2}).Attr("group", 0),
       "DeformConv 'o0': group must be at least 1 but is 0"},
      {conv({1, 2, 3}, {4, 2, 2, 2}, {1, 8, 2, 2}),
       "DeformConv 'o0': input 1x2x3 and weight 4x2x2x2 must have the same "
       "number of axes, at least 3"},
  });
}

}  // namespace
}  // namespace opcost
