// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are hard to put something around: each has one thing that can go wrong. What they decide
 * depends on the packet's 15th byte, the first behind the Ethernet header.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define CHOICE 14

static __always_inline __u32 choice(void *data, void *data_end)
{
	unsigned char *byte = data + CHOICE;

	return (void *)(byte + 1) > data_end ? 0 : *byte;
}

static __always_inline __u32 xdp_choice(struct xdp_md *ctx)
{
	return choice((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}

static __always_inline __u32 skb_choice(struct __sk_buff *skb)
{
	return choice((void *)(long)skb->data, (void *)(long)skb->data_end);
}

/* Every verdict there is, and some that are none. */
SEC("xdp")
int xdp_every(struct xdp_md *ctx)
{
	return xdp_choice(ctx);
}

SEC("tc")
int tc_every(struct __sk_buff *skb)
{
	return skb_choice(skb) - 1;
}

SEC("action")
int act_every(struct __sk_buff *skb)
{
	return skb_choice(skb) - 1;
}

SEC("socket")
int socket_every(struct __sk_buff *skb)
{
	unsigned char byte = 0;

	bpf_skb_load_bytes(skb, CHOICE, &byte, 1);
	return byte;
}

SEC("cgroup_skb/egress")
int cgroup_every(struct __sk_buff *skb)
{
	unsigned char byte = 0;

	bpf_skb_load_bytes(skb, 0, &byte, 1);
	return byte & 1;
}

SEC("xdp.frags")
int xdp_frags(struct xdp_md *ctx)
{
	unsigned char last = 0;
	__u32 length = bpf_xdp_get_buff_len(ctx);

	if (length > 0)
		bpf_xdp_load_bytes(ctx, length - 1, &last, 1);
	return last % 4 + 1;
}

SEC("xdp/devmap")
int xdp_devmap(struct xdp_md *ctx)
{
	return xdp_choice(ctx) % 2 ? XDP_DROP : XDP_PASS;
}

SEC("xdp/cpumap")
int xdp_cpumap(struct xdp_md *ctx)
{
	return xdp_choice(ctx) % 2 ? XDP_DROP : XDP_PASS;
}

/* The packet is another one at exit. */
SEC("xdp")
int xdp_resize(struct xdp_md *ctx)
{
	__u32 by = xdp_choice(ctx);
	unsigned char *data;

	if (by % 2 ? bpf_xdp_adjust_head(ctx, -16) : bpf_xdp_adjust_tail(ctx, -4))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	if ((void *)(data + 14) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	data[0] = by;
	data[13] = 0x5a;
	return XDP_TX;
}

/* Functions: static, global, and a callback. */
static __attribute__((noinline)) __u32 half(__u32 value)
{
	volatile __u32 result = value;

	return result / 2;
}

__attribute__((noinline)) int classify(struct xdp_md *ctx, __u32 value)
{
	if (ctx->rx_queue_index > 1000)
		return XDP_ABORTED;
	return half(value) % 5;
}

SEC("xdp")
int xdp_functions(struct xdp_md *ctx)
{
	return classify(ctx, xdp_choice(ctx) + half(4));
}

struct sum {
	__u32 total;
};

static int add(__u32 index, struct sum *sum)
{
	sum->total += index;
	return 0;
}

SEC("xdp")
int xdp_callback(struct xdp_md *ctx)
{
	struct sum sum = {};

	bpf_loop(xdp_choice(ctx) & 15, add, &sum, 0);
	return sum.total % 5;
}

/* Locks and timers, which the verifier follows through every function. */
struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} locks SEC(".maps");

SEC("tc")
int tc_spin_lock(struct __sk_buff *skb)
{
	__u32 first = 0, count;
	struct locked *value = bpf_map_lookup_elem(&locks, &first);

	if (!value)
		return TC_ACT_SHOT;
	bpf_spin_lock(&value->lock);
	count = value->count += skb_choice(skb) == 1;
	bpf_spin_unlock(&value->lock);
	return count % 3 ? TC_ACT_OK : TC_ACT_SHOT;
}

struct timed {
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timed);
} timers SEC(".maps");

static int fire(void *map, __u32 *key, struct timed *value)
{
	__sync_fetch_and_add(&value->fired, 1);
	return 0;
}

SEC("xdp")
int xdp_timer(struct xdp_md *ctx)
{
	__u32 first = 0;
	struct timed *value = bpf_map_lookup_elem(&timers, &first);

	if (!value)
		return XDP_ABORTED;
	bpf_timer_init(&value->timer, &timers, 1 /* CLOCK_MONOTONIC */);
	bpf_timer_set_callback(&value->timer, fire);
	bpf_timer_start(&value->timer, 1000000, 0);
	return xdp_choice(ctx) % 2 ? XDP_DROP : XDP_PASS;
}

/* Tail calls: from the main function, and from another one. The array is filled by the object. */
SEC("xdp")
int xdp_called(struct xdp_md *ctx)
{
	return xdp_choice(ctx) % 4 + 1;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} calls SEC(".maps") = {
    .values = {[1] = (void *)&xdp_called, [2] = (void *)&xdp_called},
};

SEC("xdp")
int xdp_calls(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &calls, xdp_choice(ctx) % 4);
	return XDP_ABORTED;
}

static __attribute__((noinline)) int call_from_below(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &calls, 1);
	return XDP_DROP;
}

SEC("xdp")
int xdp_calls_below(struct xdp_md *ctx)
{
	int below = call_from_below(ctx);

	return below == XDP_DROP ? XDP_TX : below;
}

/* LD_ABS ends its function with 0 where the packet is too short. */
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");

SEC("tc")
int tc_legacy_load(struct __sk_buff *skb)
{
	return load_byte(skb, 100) % 2 ? TC_ACT_SHOT : TC_ACT_PIPE;
}

/* Stack: much, and all that the compiler allows. It cannot know which of the words are used. */
#define with_stack(ctx, size)                                                                                \
	({                                                                                                   \
		__u64 words[(size) / 8];                                                                     \
                                                                                                             \
		words[0] = xdp_choice(ctx);                                                                  \
		words[(size) / 8 - 1] = 1;                                                                   \
		asm volatile("" : : "r"(words) : "memory");                                                  \
		(words[0] + words[(size) / 8 - 1]) % 5;                                                      \
	})

SEC("xdp")
int xdp_stack_448(struct xdp_md *ctx)
{
	return with_stack(ctx, 448);
}

SEC("xdp")
int xdp_stack_480(struct xdp_md *ctx)
{
	return with_stack(ctx, 480);
}

SEC("xdp")
int xdp_stack_504(struct xdp_md *ctx)
{
	return with_stack(ctx, 504);
}

/* All of the verifier's eight call frames. */
#define DEEPER(name, next)                                                                                   \
	static __attribute__((noinline)) __u32 name(__u32 value)                                             \
	{                                                                                                    \
		volatile __u32 kept = value;                                                                 \
                                                                                                             \
		return next(kept) + 1;                                                                       \
	}
static __attribute__((noinline)) __u32 frame8(__u32 value)
{
	volatile __u32 kept = value;

	return kept % 3;
}
DEEPER(frame7, frame8)
DEEPER(frame6, frame7)
DEEPER(frame5, frame6)
DEEPER(frame4, frame5)
DEEPER(frame3, frame4)
DEEPER(frame2, frame3)

SEC("xdp")
int xdp_frames(struct xdp_md *ctx)
{
	return frame2(xdp_choice(ctx)) % 5;
}

/* Redirects. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} more_devices SEC(".maps");

/* Entries with programs of their own. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices_with_programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

SEC("xdp")
int xdp_to_device(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices_with_programs, 0, 0);
}

SEC("xdp")
int xdp_to_cpu(struct xdp_md *ctx)
{
	return bpf_redirect_map(&cpus, 0, 0);
}

SEC("xdp")
int xdp_redirects(struct xdp_md *ctx)
{
	__u32 where = xdp_choice(ctx);

	if (where == 1)
		return bpf_redirect(7, 0);
	if (where == 2)
		return bpf_redirect_map(&devices, 3, XDP_DROP);
	if (where == 3)
		return bpf_redirect_map(&more_devices, 4, XDP_DROP);
	return where == 4 ? XDP_REDIRECT : XDP_PASS;
}

SEC("tc")
int tc_redirects(struct __sk_buff *skb)
{
	__u32 where = skb_choice(skb);

	if (where == 1)
		return bpf_redirect(7, 0);
	if (where == 2)
		return bpf_redirect_neigh(9, 0, 0, 0);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
