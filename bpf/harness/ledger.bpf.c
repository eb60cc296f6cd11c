// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's tracer: follows each packet of the lab by its skb's address, from the device that sends it to
 * the place where it ends, and notes facts (bpf/include/ledger_abi.h). It changes no byte of any packet.
 *
 * Memory is used again: an skb that the kernel frees without an event leaves a stale record behind, which the
 * next owner of the address must not inherit. Each handler says how it tells the two apart.
 *
 * One program object in parts: where facts are kept, a packet's record, events on its way, at its end, of
 * frames.
 */
#include "bpf/harness/ledger_maps.h"
#include "bpf/harness/ledger_record.h"
#include "bpf/harness/ledger_path.h"
#include "bpf/harness/ledger_end.h"
#include "bpf/harness/ledger_frames.h"

char LICENSE[] SEC("license") = "GPL";
