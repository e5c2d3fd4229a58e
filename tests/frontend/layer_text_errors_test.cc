// SPDX-License-Identifier: Apache-2.0
// What a layer's text may not be.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/frontend/layer_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

struct ErrorCase {
  const char* text;
  const char* message;
};

constexpr ErrorCase kErrors[] = {
    {"",
     "layer '': the text is empty; a layer begins with an operator, such "
     "as Conv x=1x3x224x224 w=64x3x7x7"},
    {"  ",
     "layer '  ': the text is empty; a layer begins with an operator, "
     "such as Conv x=1x3x224x224 w=64x3x7x7"},
    {"x=1x3",
     "layer 'x=1x3': 'x=1x3' is no operator; a layer begins with "
     "one, such as Conv x=1x3x224x224 w=64x3x7x7"},
    {".Relu x=1",
     "layer '.Relu x=1': '.Relu' is no operator: its domain has "
     "to come before the dot, such as com.microsoft.Gelu"},
    {"Relu 1x3",
     "layer 'Relu 1x3': '1x3' is not NAME=VALUE, such as "
     "w=64x3x7x7 or strides=2,2"},
    {"Relu =5",
     "layer 'Relu =5': '=5' is not NAME=VALUE, such as w=64x3x7x7 "
     "or strides=2,2"},
    {"Relu x =5",
     "layer 'Relu x =5': 'x' is not NAME=VALUE, such as "
     "w=64x3x7x7 or strides=2,2"},
    {"Relu 2x=5",
     "layer 'Relu 2x=5': '2x=5' is not NAME=VALUE, such as "
     "w=64x3x7x7 or strides=2,2"},
    {"Relu x=", "layer 'Relu x=': x: a value must follow the '='"},
    {"Relu x=4 x=5", "layer 'Relu x=4 x=5': x is given twice"},
    {"Relu x=4 axis=5 axis=5",
     "layer 'Relu x=4 axis=5 axis=5': axis is given twice"},
    {"Relu x=1,3",
     "layer 'Relu x=1,3': x: '1,3' is no shape; write it as "
     "64x3x7x7, 64 or scalar"},
    {"Relu x=1x",
     "layer 'Relu x=1x': x: '1x' is no shape; write it as "
     "64x3x7x7, 64 or scalar"},
    {"Relu x=Nx3",
     "layer 'Relu x=Nx3': x: 'Nx3' is no shape; write it as "
     "64x3x7x7, 64 or scalar"},
    {"Relu x=1x0x3",
     "layer 'Relu x=1x0x3': x: extent 1 of 1x0x3 is 0; "
     "expected 1 or more"},
    {"Relu x=-4",
     "layer 'Relu x=-4': x: extent 0 of -4 is -4; expected 1 or "
     "more"},
    {"Relu x=9223372036854775808",
     "layer 'Relu x=9223372036854775808': x: extent 9223372036854775808 is "
     "beyond 2^63 - 1"},
    {"Relu x=4294967296x4294967296",
     "layer 'Relu x=4294967296x4294967296': x: its shape "
     "4294967296x4294967296 has more than 2^63 - 1 elements"},
    {"Relu x=1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1",
     "layer 'Relu x=1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1': x: more than 16 "
     "axes"},
    {"Add x=4 w=4611686018427387904",
     "layer 'Add x=4 w=4611686018427387904': w: the layer's constants take "
     "more than 2^63 - 1 bytes"},
    {"Add x=4 w=1152921504606846976 b=1152921504606846976",
     "layer 'Add x=4 w=1152921504606846976 b=1152921504606846976': b: the "
     "layer's constants take more than 2^63 - 1 bytes"},
    {"Relu x=4:int9",
     "layer 'Relu x=4:int9': x: unknown element type 'int9'; "
     "did you mean 'int8', 'int4' or 'int2'?"},
    {"Relu x=4:", "layer 'Relu x=4:': x: unknown element type ''"},
    {"Relu x=4:int8:int8",
     "layer 'Relu x=4:int8:int8': x: unknown element type 'int8:int8'"},
    {"Relu y=4",
     "layer 'Relu y=4': y: y is the output, whose shape follows "
     "from the rest"},
    {"Relu input=1x3x8x8",
     "layer 'Relu input=1x3x8x8': 'input=1x3x8x8' gives an attribute a "
     "shape; "
     "inputs are called x, x2, x3, constants by another small letter"},
    {"Relu x=[1,2]",
     "layer 'Relu x=[1,2]': x: an input has no fixed "
     "elements; give it a shape, or name it as a constant, "
     "such as s"},
    {"Any s=[1,2", "layer 'Any s=[1,2': s: its list lacks the closing ]"},
    {"Any s=3[1,2]", "layer 'Any s=3[1,2]': s: 2 elements, but 3 takes 3"},
    {"Any s=[1,b]",
     "layer 'Any s=[1,b]': s: 'b' is not a number within 32 "
     "bits"},
    {"Any s=[]", "layer 'Any s=[]': s: '' is not a number within 32 bits"},
    {"Any s=[1.5]:int8",
     "layer 'Any s=[1.5]:int8': s: '1.5' is not a whole number within 64 "
     "bits"},
    {"Any s=[128]:int8",
     "layer 'Any s=[128]:int8': s: element 128 is outside "
     "int8, -128 to 127"},
    {"Any s=[-1]:uint16",
     "layer 'Any s=[-1]:uint16': s: element -1 is outside "
     "uint16, 0 to 65535"},
    {"Any s=[1]:float16",
     "layer 'Any s=[1]:float16': s: elements of float16 "
     "can't be written; give a shape instead"},
    {"Any s=4:string",
     "layer 'Any s=4:string': s: a constant of strings has "
     "no size; make it an input"},
    {"Conv x=4 strides=2,a",
     "layer 'Conv x=4 strides=2,a': strides: 'a' is "
     "not a whole number within 64 bits"},
    {"Conv x=4 strides=2,,2",
     "layer 'Conv x=4 strides=2,,2': strides: '' is "
     "not a whole number within 64 bits"},
    {"Elu x=4 alpha=big",
     "layer 'Elu x=4 alpha=big': alpha: 'big' is not a "
     "number within 32 bits"},
    {"Elu x=4 alpha=1e39",
     "layer 'Elu x=4 alpha=1e39': alpha: '1e39' is not "
     "a number within 32 bits"},
    {"Any mode=\"a",
     "layer 'Any mode=\"a': mode: its string lacks the "
     "closing \""},
    {"Any mode=\"a\\n\"",
     "layer 'Any mode=\"a\\n\"': mode: \\n is no escape; "
     "use \\\" or \\\\"},
    {"Any mode=\"a\"b",
     "layer 'Any mode=\"a\"b': mode: a blank must follow "
     "the closing \""},
    {"Any opset=0",
     "layer 'Any opset=0': opset: '0' is not a whole number "
     "from 1 to 1000"},
    {"Any outputs=1,0",
     "layer 'Any outputs=1,0': outputs: '1,0' doesn't say of "
     "each output, the last of which there is, whether "
     "there is one, such as 1,0,1"},
    {"Any outputs=1,2",
     "layer 'Any outputs=1,2': outputs: '1,2' doesn't say of "
     "each output, the last of which there is, whether "
     "there is one, such as 1,0,1"},
    {"Any outputs=65",
     "layer 'Any outputs=65': outputs: '65' is not a whole "
     "number from 1 to 64"},
    {"Linear x=1x197x768 w=768x768",
     "layer 'Linear x=1x197x768 w=768x768': Linear takes a matrix of rows by "
     "features, but x is 1x197x768; put its leading axes together, or write "
     "MatMul"},
    {"Linear x=4x5 w=6x5 transB=0",
     "layer 'Linear x=4x5 w=6x5 transB=0': Linear sets transB itself; write "
     "Gemm to set it"},
    {"Relu x=4\nRelu x=5",
     "layer 'Relu x=4\nRelu x=5': a layer is a single line"},
};

TEST(LayerTextErrors, SaysWhatIsWrong) {
  for (const ErrorCase& expected : kErrors) {
    EXPECT_THAT(LayerModel(expected.text),
                StatusIs(absl::StatusCode::kInvalidArgument, expected.message))
        << expected.text;
  }
}

TEST(LayerTextErrors, RefusesATextThatIsTooLongAndQuotesItsBeginning) {
  const std::string text = "Relu x=4 " + std::string(kMaxLayerTextBytes, 'a');
  EXPECT_THAT(LayerModel(text),
              FailsWith(absl::StrCat("layer '", text.substr(0, 80),
                                     "...': the text has ", 9 + 16384,
                                     " bytes; at most 16384 are read")));
}

}  // namespace
}  // namespace opcost
