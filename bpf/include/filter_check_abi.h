/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What bpf/harness/filter_check.bpf.c, which runs filters, and harness/scenario/, which compares what they
 * return, share.
 */
#ifndef KNETLAB_FILTER_CHECK_ABI_H
#define KNETLAB_FILTER_CHECK_ABI_H

#include <linux/types.h>

#define FILTERS_A_RUN 16
#define FILTER_CHECK_MOST_BYTES 16000 /* bpf_skb_change_tail() makes no longer packet: SKB_MAX_ALLOC */

struct filter_check_packet {
	__u32 length;
	__u8 bytes[FILTER_CHECK_MOST_BYTES];
};

#endif
