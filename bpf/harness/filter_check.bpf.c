// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs sixteen filters on one packet in one test run. A test run costs some 3 us, a filter some 10 ns: only
 * so can hundreds of filters be compared with a reference on every packet of many captures.
 *
 * The filters are whole programs, as they would be attached, in a program array. A tail call out of a
 * subprogram returns to its caller with what the filter returned; 33 of them are the most that one run may
 * make. The program returns two bits for each filter: 1 and 2 are verdicts of filters, 0 says that it did not
 * run (its slot is empty). All is 0 where a filter returned anything else.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/include/filter_check_abi.h"

char LICENSE[] SEC("license") = "GPL";

#define PROGRAM_ARRAY(name)                                                                                  \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                       \
		__uint(max_entries, FILTERS_A_RUN);                                                          \
		__type(key, __u32);                                                                          \
		__type(value, __u32);                                                                        \
	} name SEC(".maps")

/* A program array takes programs of one type, and of XDP either with fragments or without. */
PROGRAM_ARRAY(filters_xdp);
PROGRAM_ARRAY(filters_frags);
PROGRAM_ARRAY(filters_tc);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct filter_check_packet);
} packet SEC(".maps");

/*
 * Global functions, so that the verifier takes nothing for known of what they return. Up to Linux 6.1 it
 * would see the 0 behind the tail call alone; clang must not see it either.
 */
#define RUN_FILTER(name, context, filters)                                                                   \
	__noinline int name(context *ctx, __u32 index)                                                       \
	{                                                                                                    \
		volatile int did_not_run = 0;                                                                \
                                                                                                             \
		bpf_tail_call(ctx, &filters, index);                                                         \
		return did_not_run;                                                                          \
	}

RUN_FILTER(run_xdp, struct xdp_md, filters_xdp)
RUN_FILTER(run_frags, struct xdp_md, filters_frags)
RUN_FILTER(run_tc, struct __sk_buff, filters_tc)

#define RUN_ALL(run, ctx)                                                                                    \
	({                                                                                                   \
		__u32 verdicts = 0, others = 0;                                                              \
                                                                                                             \
		_Pragma("unroll") for (__u32 i = 0; i < FILTERS_A_RUN; i++)                                  \
		{                                                                                            \
			__u32 verdict = run(ctx, i);                                                         \
                                                                                                             \
			verdicts |= (verdict & 3) << (2 * i);                                                \
			others |= verdict >> 2;                                                              \
		}                                                                                            \
		others ? 0 : verdicts;                                                                       \
	})

SEC("xdp")
int check_xdp(struct xdp_md *ctx)
{
	return RUN_ALL(run_xdp, ctx);
}

SEC("xdp.frags")
int check_frags(struct xdp_md *ctx)
{
	return RUN_ALL(run_frags, ctx);
}

SEC("tc")
int check_tc(struct __sk_buff *ctx)
{
	return RUN_ALL(run_tc, ctx);
}

/*
 * For packets that a test run refuses for TC: longer than a page, or an IP header cut short. Another packet
 * goes in and becomes the one of the map.
 */
SEC("tc")
int rebuild_tc(struct __sk_buff *ctx)
{
	__u32 key = 0;
	struct filter_check_packet *wanted = bpf_map_lookup_elem(&packet, &key);
	__u32 length;

	if (!wanted)
		return 0;
	length = wanted->length;
	if (length < 14 || length > FILTER_CHECK_MOST_BYTES)
		return 0;
	if (bpf_skb_change_tail(ctx, length, 0))
		return 0;
	if (bpf_skb_store_bytes(ctx, 0, wanted->bytes, length, 0))
		return 0;
	return RUN_ALL(run_tc, ctx);
}
