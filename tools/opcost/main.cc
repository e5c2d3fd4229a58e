// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "opcost/cli/cli.h"

int main(int argument_count, char** arguments) {
  return opcost::RunCli(
      std::vector<std::string>(arguments + std::min(1, argument_count),
                               arguments + argument_count),
      opcost::ProcessEnvironment());
}
