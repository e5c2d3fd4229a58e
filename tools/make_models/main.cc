// SPDX-License-Identifier: Apache-2.0
// Writes the project's model zoo.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"
#include "tools/make_models/model_zoo.h"

namespace opcost::model_zoo {
namespace {

constexpr int kBadUsage = 2;

struct Options {
  std::vector<std::string> only;
  std::string folder = ".";
  bool has_weights = false;
  bool list = false;
};

absl::Status WriteFile(const std::string& name, const Options& options) {
  OPCOST_ASSIGN_OR_RETURN(const Network network, MakeNetwork(name));
  const std::string path = absl::StrCat(options.folder, "/", name, ".onnx");
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.is_open())
    return absl::UnavailableError(absl::StrCat(path, ": can't be written"));
  const absl::Status status =
      Write(network, options.has_weights ? Weights::kWritten : Weights::kAbsent,
            &file);
  if (!status.ok())
    return absl::Status(status.code(),
                        absl::StrCat(path, ": ", status.message()));
  std::cout << path << ": " << network.Parameters() << " parameters, "
            << file.tellp() << " bytes\n";
  return absl::OkStatus();
}

absl::Status WriteAll(const Options& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error)
    return absl::UnavailableError(
        absl::StrCat(options.folder, ": ", error.message()));
  for (const std::string& name :
       options.only.empty() ? NetworkNames() : options.only) {
    OPCOST_RETURN_IF_ERROR(WriteFile(name, options));
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Writes well-known networks as ONNX models, NAME.onnx each.\n\n"
      "Without --weights a file is a few kilobytes: its weights are declared\n"
      "to lie in NAME.weights, which isn't written and which opcost doesn't\n"
      "need.\n",
      "make_models");
  app.add_option("--only", options.only,
                 "Write this network; may be given several times")
      ->type_name("NAME")
      ->check([](const std::string& name) {
        return std::string(MakeNetwork(name).status().message());
      });
  app.add_option("-o,--output", options.folder,
                 "Folder for the models, made if it is missing (default: the "
                 "current one)")
      ->type_name("FOLDER");
  app.add_flag("--weights", options.has_weights,
               "Write the weights too: random, the same on every machine; "
               "VGG-19 takes 575 MB");
  app.add_flag("--list", options.list, "Print the names and end");
  app.footer(absl::StrCat("Networks: ", absl::StrJoin(NetworkNames(), ", ")));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kBadUsage;
  }
  if (options.list) {
    std::cout << absl::StrJoin(NetworkNames(), "\n") << "\n";
    return EXIT_SUCCESS;
  }
  const absl::Status status = WriteAll(options);
  if (status.ok()) return EXIT_SUCCESS;
  std::cerr << "make_models: " << status.message() << "\n";
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace opcost::model_zoo

int main(int argc, char** argv) { return opcost::model_zoo::Main(argc, argv); }
