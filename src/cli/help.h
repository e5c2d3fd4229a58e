// SPDX-License-Identifier: Apache-2.0
// The help texts.
#ifndef OPCOST_SRC_CLI_HELP_H_
#define OPCOST_SRC_CLI_HELP_H_

#include <string>

#include "src/cli/command_line.h"

namespace opcost {

// `opcost --help`: one screen of 80 columns.
std::string GeneralHelp();

// `opcost help COMMAND`.
std::string HelpOn(const CommandRow& command);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_HELP_H_
