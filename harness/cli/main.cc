// SPDX-License-Identifier: Apache-2.0
// The knetlab command. All of it is in command_line.h and below; this file is what tests cannot link.
#include "harness/cli/command_line.h"

int main(int argc, char** argv) {
  return knetlab::RunCommandLine(argc, argv);
}
