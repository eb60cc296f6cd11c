// SPDX-License-Identifier: GPL-2.0-only
// Programs that decide about sockets.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

SEC("sk_msg")
int any_message(struct sk_msg_md *msg)
{
	return SK_PASS;
}

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
