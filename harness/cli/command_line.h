// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: reads it, runs the verb, and turns whatever happens into output and an exit
// status.
#pragma once

namespace knetlab {

// The exit status: 0 done and every check held, 1 a check failed, 2 usage or environment. Does not return
// where the process is interrupted: it then ends by that signal.
int RunCommandLine(int argc, char** argv);

}  // namespace knetlab
