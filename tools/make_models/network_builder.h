// SPDX-License-Identifier: Apache-2.0
// Writes a network down layer by layer.
#ifndef OPCOST_TOOLS_MAKE_MODELS_NETWORK_BUILDER_H_
#define OPCOST_TOOLS_MAKE_MODELS_NETWORK_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/make_models/model_zoo.h"

namespace opcost::model_zoo {

// A value of the graph: batch, channels, height and width, or batch and
// features.
struct Tensor {
  std::string name;
  std::vector<int64_t> dims;
};

// A window, square unless it has a width of its own.
struct Window {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t pad = 0;           // on every side
  bool same = false;         // SAME_UPPER in place of `pad`
  int64_t kernel_width = 0;  // 0: `kernel`

  int64_t width() const { return kernel_width == 0 ? kernel : kernel_width; }
};

struct ConvOptions {
  int64_t group = 1;
  bool has_bias = true;
};

// Adds one node per call. A node, its output and, before a dot, its weights
// bear the layer's name as the framework that the network comes from has it.
class NetworkBuilder {
 public:
  NetworkBuilder(std::string name, const Tensor& input);

  Tensor Conv(const std::string& name, const Tensor& x, int64_t channels,
              const Window& window, const ConvOptions& options = {});
  // y = x * weight^T + bias
  Tensor Gemm(const std::string& name, const Tensor& x, int64_t features);
  Tensor BatchNormalization(const std::string& name, const Tensor& x);
  // Over `size` neighbouring channels; alpha and beta as AlexNet has them.
  Tensor Lrn(const std::string& name, const Tensor& x, int64_t size,
             float bias);
  Tensor Relu(const std::string& name, const Tensor& x);
  Tensor Relu6(const std::string& name, const Tensor& x);
  Tensor Sigmoid(const std::string& name, const Tensor& x);
  Tensor Softmax(const std::string& name, const Tensor& x);
  Tensor MaxPool(const std::string& name, const Tensor& x,
                 const Window& window);
  Tensor AveragePool(const std::string& name, const Tensor& x,
                     const Window& window);
  Tensor GlobalAveragePool(const std::string& name, const Tensor& x);
  Tensor GlobalMaxPool(const std::string& name, const Tensor& x);
  Tensor Flatten(const std::string& name, const Tensor& x);
  Tensor Add(const std::string& name, const Tensor& a, const Tensor& b);
  // `b` may have one number for each channel.
  Tensor Mul(const std::string& name, const Tensor& a, const Tensor& b);
  // Along the channels.
  Tensor Concat(const std::string& name, const std::vector<Tensor>& parts);

  // The network that returns `output`.
  Network Finish(const Tensor& output);

 private:
  onnx::NodeProto* AddNode(const std::string& op, const std::string& name,
                           const std::vector<std::string>& inputs);
  std::string AddWeight(const std::string& name, std::vector<int64_t> dims,
                        Fill fill, int64_t fan_in);
  std::string ScalarConstant(const std::string& name, float value);
  Tensor Unary(const std::string& op, const std::string& name, const Tensor& x);
  Tensor Pool(const std::string& op, const std::string& name, const Tensor& x,
              const Window& window);
  Tensor GlobalPool(const std::string& op, const std::string& name,
                    const Tensor& x);

  Network network_;
};

}  // namespace opcost::model_zoo

#endif  // OPCOST_TOOLS_MAKE_MODELS_NETWORK_BUILDER_H_
