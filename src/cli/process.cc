// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "opcost/cli/cli.h"
#include "src/measure/child_process.h"

namespace opcost {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

CliEnvironment ProcessEnvironment() {
  // A closed pipe is then an error of write(), which has a message and an exit
  // status, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  EndChildrenOnSignals();
  std::ios::sync_with_stdio(false);
  CliEnvironment environment;
  environment.in = &std::cin;
  environment.out = &std::cout;
  environment.err = &std::cerr;
  environment.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  environment.err_is_terminal = isatty(STDERR_FILENO) != 0;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    environment.terminal_width = size.ws_col;
  }
  environment.table_path = Variable("OPCOST_TABLE_PATH");
  environment.runner_path = Variable("OPCOST_RUNNERS");
  environment.python = Variable("OPCOST_PYTHON");
  environment.no_color = !Variable("NO_COLOR").empty();
  return environment;
}

}  // namespace opcost
