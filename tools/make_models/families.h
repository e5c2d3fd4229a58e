// SPDX-License-Identifier: Apache-2.0
// The networks, by family. Each function writes down one architecture; where a
// framework's model is meant, its names are kept.
#ifndef OPCOST_TOOLS_MAKE_MODELS_FAMILIES_H_
#define OPCOST_TOOLS_MAKE_MODELS_FAMILIES_H_

#include "tools/make_models/model_zoo.h"

namespace opcost::model_zoo {

// plain_nets.cc
Network MakeAlexNet();
Network MakeAlexNetCaffe();
Network MakeVgg11();
Network MakeVgg13();
Network MakeVgg16();
Network MakeVgg19();

// residual_nets.cc
Network MakeResNet18();
Network MakeResNet50();
Network MakeResNet152();

// compact_nets.cc
Network MakeMobileNetV2();
Network MakeDenseNet121();
Network MakeEfficientNetB0();

// small_nets.cc
Network MakeAlexNetCifar();
Network MakeLeNet300();
Network MakeLeNet5();
Network MakeMlp784();
Network MakeSimpleNet();

// convnext_net.cc
Network MakeConvNextTiny();

// decoder_nets.cc
Network MakeLlama();
Network MakeLlamaFused();

// gpt2_net.cc
Network MakeGpt2();

// recurrent_nets.cc
Network MakeLstmLanguageModel();

// ssd_net.cc
Network MakeSsd300Vgg16();

// tiny_nets.cc
Network MakeMlperfTinyAd();
Network MakeMlperfTinyIc();
Network MakeMlperfTinyKws();
Network MakeMlperfTinyVww();

// transformer_nets.cc
Network MakeBertBase();
Network MakeVitB16();

}  // namespace opcost::model_zoo

#endif  // OPCOST_TOOLS_MAKE_MODELS_FAMILIES_H_
