// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ci/gate compares with itself: a program that costs as much as it is told and changes one packet's verdict
 * where it is told.
 *
 *   WORK  steps of arithmetic, each waiting for the one before: 3 % more of them are 3 % more time
 *   FLIP  the packet, from 0, that is dropped although its length is even; -1: none
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__s64 seen = 0;

SEC("xdp")
int gate(struct xdp_md *context)
{
	__u64 length = context->data_end - context->data;
	__u64 work = length;
	__s64 index = seen++;

#pragma clang loop unroll(full)
	for (int i = 0; i < WORK; i++) {
		work ^= work << 3;
		/* The compiler would make one step of many. */
		asm volatile("" : "+r"(work));
	}
	if (index == FLIP)
		return XDP_DROP;
	return (length & 1) && work ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
