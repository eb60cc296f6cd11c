// SPDX-License-Identifier: GPL-2.0-only
// Programs that decide about sockets.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("sk_lookup")
int refuse(struct bpf_sk_lookup *ctx)
{
	return SK_DROP;
}

SEC("sk_reuseport")
int choose_none(struct sk_reuseport_md *ctx)
{
	return SK_DROP;
}

char _license[] SEC("license") = "GPL";
