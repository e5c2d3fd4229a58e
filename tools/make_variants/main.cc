// SPDX-License-Identifier: Apache-2.0
// Writes pruned and quantised variants of a float model.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/variants.h"

namespace opcost::variants {
namespace {

constexpr int kBadUsage = 2;

struct Options {
  std::string model;
  std::vector<std::string> pruned;
  std::vector<std::string> blocks;
  std::vector<std::string> channels;
  std::vector<int> uniform;
  std::vector<std::string> int8;
  bool int4 = false;
  int64_t block = 32;
  std::string activations = "uint8";
  double range = 8;
  std::vector<std::string> keep;
  std::string folder = ".";
  std::string name;
  bool no_weights = false;
  bool embed = false;
  bool quiet = false;
};

void AddVariantOptions(CLI::App* app, Options* options) {
  const std::string group = "Variants (several at a time, a file for each)";
  app->add_option("--prune", options->pruned,
                  "The fraction FRACTION of each weight tensor set to zero, "
                  "least magnitudes first: NAME-pruned90.onnx")
      ->type_name("FRACTION")
      ->group(group);
  app->add_option("--nm", options->blocks,
                  "At most N non-zeros in each M weights of a row (of an "
                  "output feature): NAME-2of4.onnx")
      ->type_name("N:M")
      ->group(group);
  app->add_option("--prune-channels", options->channels,
                  "Without the fraction FRACTION of the channels, least sums "
                  "of magnitudes first; all shapes shrink: "
                  "NAME-channels50.onnx")
      ->type_name("FRACTION")
      ->group(group);
  app->add_option("--uniform", options->uniform,
                  "Each weight tensor of 2^BITS equally spaced values, stored "
                  "as floats: NAME-uniform7.onnx")
      ->type_name("BITS")
      ->check(CLI::Range(1, 16))
      ->group(group);
  app->add_option("--int8", options->int8,
                  "Weights and activations of 8 bits (QuantizeLinear, "
                  "DequantizeLinear), with a scale for each tensor or for each "
                  "channel of a weight: NAME-int8.onnx, "
                  "NAME-int8-per-channel.onnx")
      ->type_name("tensor|channel")
      ->check(CLI::IsMember({"tensor", "channel"}))
      ->group(group);
  app->add_flag("--int4", options->int4,
                "Weights of MatMul and Gemm of 4 bits in blocks (ONNX "
                "Runtime's MatMulNBits): NAME-int4.onnx")
      ->group(group);
}

void AddDetailOptions(CLI::App* app, Options* options) {
  const std::string group = "Details";
  app->add_option("--activations", options->activations,
                  "--int8: the activations' type (default: uint8)")
      ->type_name("uint8|int8")
      ->check(CLI::IsMember({"uint8", "int8"}))
      ->group(group);
  app->add_option("--range", options->range,
                  "--int8: activations are taken to lie in [-R, R], after a "
                  "Relu in [0, R] (default: 8)")
      ->type_name("R")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app->add_option("--block", options->block,
                  "--int4: weights that share a scale (default: 32)")
      ->type_name("SIZE")
      ->check(CLI::IsMember({16, 32, 64, 128, 256}))
      ->group(group);
  app->add_option("--keep", options->keep,
                  "--prune, --nm, --uniform: leave this weight tensor as it "
                  "is; may be given several times")
      ->type_name("TENSOR")
      ->group(group);
}

void AddOutputOptions(CLI::App* app, Options* options) {
  app->add_option("-o,--output", options->folder,
                  "Folder for the variants, made if it is missing (default: "
                  "the current one)")
      ->type_name("FOLDER");
  app->add_option("--name", options->name,
                  "NAME of the files, in place of the model's")
      ->type_name("NAME");
  app->add_flag("--no-weights", options->no_weights,
                "Neither read nor write weights: declare them in a file that "
                "doesn't exist, as those of models/ are. For --int8, --int4 "
                "and --prune-channels");
  app->add_flag("--embed", options->embed,
                "Weights in the model's file (at most 2 GB), and not in "
                "NAME.weights beside it");
  app->add_flag("-q,--quiet", options->quiet, "Print errors alone");
}

absl::StatusOr<std::vector<Variant>> VariantsOf(const Options& options) {
  std::vector<Variant> variants;
  Variant variant;
  variant.keep.insert(options.keep.begin(), options.keep.end());
  for (const std::string& text : options.pruned) {
    variant.kind = Variant::Kind::kPruned;
    OPCOST_ASSIGN_OR_RETURN(variant.fraction, ParseFraction(text));
    variants.push_back(variant);
  }
  for (const std::string& text : options.blocks) {
    variant.kind = Variant::Kind::kNm;
    OPCOST_RETURN_IF_ERROR(ParseNm(text, &variant));
    variants.push_back(variant);
  }
  for (const std::string& text : options.channels) {
    variant.kind = Variant::Kind::kChannels;
    OPCOST_ASSIGN_OR_RETURN(variant.fraction, ParseFraction(text));
    variants.push_back(variant);
  }
  for (const int bits : options.uniform) {
    variant.kind = Variant::Kind::kUniform;
    variant.bits = bits;
    variants.push_back(variant);
  }
  for (const std::string& scales : options.int8) {
    variant.kind = Variant::Kind::kInt8;
    variant.int8.is_per_channel = scales == "channel";
    variant.int8.activations =
        options.activations == "int8" ? DataType::kInt8 : DataType::kUint8;
    variant.int8.range = options.range;
    variants.push_back(variant);
  }
  if (options.int4) {
    variant.kind = Variant::Kind::kInt4;
    variant.block = options.block;
    variants.push_back(variant);
  }
  if (variants.empty()) {
    return absl::InvalidArgumentError(
        "no variant is asked for; for example --prune 0.9 --int8 tensor");
  }
  return variants;
}

void PrintNotes(const std::string& name,
                const std::vector<std::string>& notes) {
  constexpr size_t kMost = 12;
  for (size_t i = 0; i < std::min(notes.size(), kMost); ++i)
    std::cerr << name << ": " << notes[i] << "\n";
  if (notes.size() > kMost)
    std::cerr << name << ": and " << notes.size() - kMost << " more\n";
}

absl::Status WriteVariant(const Source& source, const Variant& variant,
                          const Options& options) {
  const std::string stem =
      options.name.empty()
          ? std::filesystem::path(options.model).stem().string()
          : options.name;
  const std::string name = absl::StrCat(stem, "-", variant.Suffix());
  const absl::StatusOr<NewModel> model = MakeVariant(source, variant);
  if (!model.ok()) {
    return absl::Status(model.status().code(),
                        absl::StrCat(options.model, ": ", variant.Suffix(),
                                     ": ", model.status().message()));
  }
  OPCOST_ASSIGN_OR_RETURN(
      const int64_t bytes,
      Write(source, *model, options.folder, name,
            options.embed ? Place::kEmbedded : Place::kExternal));
  if (options.quiet) return absl::OkStatus();
  PrintNotes(name, model->notes);
  const std::filesystem::path path =
      std::filesystem::path(options.folder) / (name + ".onnx");
  std::cout << path.string() << ": " << bytes << " bytes\n";
  return absl::OkStatus();
}

absl::Status WriteAll(const Options& options,
                      const std::vector<Variant>& variants) {
  OPCOST_ASSIGN_OR_RETURN(
      const std::unique_ptr<Source> source,
      Source::Open(options.model, options.no_weights ? Source::Weights::kAbsent
                                                     : Source::Weights::kRead));
  for (const Variant& variant : variants)
    OPCOST_RETURN_IF_ERROR(WriteVariant(*source, variant, options));
  return absl::OkStatus();
}

int Run(const Options& options) {
  const auto variants = VariantsOf(options);
  if (!variants.ok()) {
    std::cerr << "make_variants: " << variants.status().message() << "\n";
    return kBadUsage;
  }
  absl::Status status;
  try {
    status = WriteAll(options, *variants);
  } catch (const std::exception& error) {  // of protobuf, or no memory
    status = absl::InternalError(error.what());
  }
  if (status.ok()) return EXIT_SUCCESS;
  std::cerr << "make_variants: " << status.message() << "\n";
  return EXIT_FAILURE;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Writes pruned and quantised variants of a float ONNX model, to compare\n"
      "with it: make_variants alexnet.onnx --prune 0.9 --int8 tensor -o out\n\n"
      "Tensors stream from file to file: a model larger than memory works.\n",
      "make_variants");
  app.add_option("model", options.model, "The model")
      ->type_name("MODEL")
      ->required();
  AddVariantOptions(&app, &options);
  AddDetailOptions(&app, &options);
  AddOutputOptions(&app, &options);
  app.footer("docs/variants.md says exactly what each variant is.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kBadUsage;
  }
  return Run(options);
}

}  // namespace
}  // namespace opcost::variants

int main(int argc, char** argv) { return opcost::variants::Main(argc, argv); }
