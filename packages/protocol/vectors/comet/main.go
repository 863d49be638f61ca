// Makes headers, commits and ways over them with CometBFT's own code, and writes down what that says of each.
package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"time"

	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
)

const (
	absent = types.BlockIDFlagAbsent
	voteNo = types.BlockIDFlagNil
)

type headerVector struct {
	Name   string `json:"name"`
	Header string `json:"header"`
	Hash   string `json:"hash"`
}

type validatorVector struct {
	ConsensusKey string `json:"consensusKey"`
	Power        int64  `json:"power,string"`
}

type commitVector struct {
	Name       string            `json:"name"`
	Height     int64             `json:"height"`
	BlockHash  string            `json:"blockHash"`
	Validators []validatorVector `json:"validators"`
	Commit     string            `json:"commit"`
	SignBytes  []string          `json:"signBytes"`
	// What VerifyCommit says; nothing where it finds no fault.
	Fault string `json:"fault"`
	// The same of VerifyCommitLight, which stops at two thirds.
	LightFault string `json:"lightFault"`
}

type blockVector struct {
	Header     string            `json:"header"`
	Commit     string            `json:"commit"`
	Validators []validatorVector `json:"validators"`
}

type wayVector struct {
	Name string `json:"name"`
	// Names of blocks; the first one is trusted.
	Way      []string `json:"way"`
	PeriodMs int64    `json:"periodMs"`
	NowMs    int64    `json:"nowMs"`
	// What the light client says of the first step that it refuses; nothing where it refuses none.
	Fault string `json:"fault"`
}

type file struct {
	Description string                 `json:"description"`
	ChainID     string                 `json:"chainId"`
	Headers     []headerVector         `json:"headers"`
	Commits     []commitVector         `json:"commits"`
	Blocks      map[string]blockVector `json:"blocks"`
	Ways        []wayVector            `json:"ways"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type marshaler interface{ Marshal() ([]byte, error) }

func encode(message marshaler) string {
	encoded, err := message.Marshal()
	must(err)
	return hex.EncodeToString(encoded)
}

func faultOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func listValidators(set *types.ValidatorSet) []validatorVector {
	var out []validatorVector
	for _, validator := range set.Validators {
		out = append(out, validatorVector{hex.EncodeToString(validator.PubKey.Bytes()), validator.VotingPower})
	}
	return out
}

func makeHeaders() []headerVector {
	set := equalSet(0, 1, 2, 3)
	var out []headerVector
	add := func(name string, change func(header *types.Header)) {
		header := headerOf(2, set, set)
		change(header)
		must(header.ValidateBasic())
		out = append(out, headerVector{name, encode(header.ToProto()), hex.EncodeToString(header.Hash())})
	}
	add("ordinary", func(*types.Header) {})
	add("first block", func(header *types.Header) {
		header.Height = 1
		header.LastBlockID = types.BlockID{}
		header.LastCommitHash = (&types.Commit{}).Hash()
	})
	add("all that may be empty is", func(header *types.Header) {
		header.Version.App = 0
		header.LastBlockID = types.BlockID{}
		header.LastCommitHash, header.DataHash, header.ConsensusHash = nil, nil, nil
		header.AppHash, header.LastResultsHash, header.EvidenceHash = nil, nil, nil
	})
	add("greatest numbers", func(header *types.Header) {
		header.Version = cmtversion.Consensus{Block: version.BlockProtocol, App: math.MaxUint64}
		header.Height = math.MaxInt64
		header.LastBlockID.PartSetHeader.Total = math.MaxUint32
		header.Time = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	})
	add("heights beyond 32 bits", func(header *types.Header) { header.Height = 3000000000 })
	add("whole seconds", func(header *types.Header) { header.Time = time.Unix(1735689600, 0).UTC() })
	add("1970", func(header *types.Header) { header.Time = time.Unix(0, 0).UTC() })
	add("before 1970", func(header *types.Header) { header.Time = time.Unix(-1, 1).UTC() })
	add("zero time", func(header *types.Header) { header.Time = time.Time{} })
	add("short app hash", func(header *types.Header) { header.AppHash = make([]byte, 8) })
	add("long app hash", func(header *types.Header) { header.AppHash = append(digest("a", 0), digest("b", 0)...) })
	add("longest chain id", func(header *types.Header) {
		header.ChainID = "a234567890b234567890c234567890d234567890e234567890"
	})
	return out
}

func makeCommits() []commitVector {
	four := equalSet(0, 1, 2, 3)
	weighted := setOf(map[int]int64{0: 1 << 40, 1: 1 << 40, 2: 1, 3: 1 << 39})
	many := map[int]int64{}
	for number := 0; number < 20; number++ {
		many[number] = int64(1 + number%3)
	}
	var out []commitVector
	add := func(name string, set *types.ValidatorSet, round int32, said votes, change func(*types.Commit)) {
		header := headerOf(7, set, set)
		commit := commitOf(header, set, round, said)
		change(commit)
		vector := commitVector{
			Name:       name,
			Height:     header.Height,
			BlockHash:  hex.EncodeToString(header.Hash()),
			Validators: listValidators(set),
			Commit:     encode(commit.ToProto()),
		}
		for index := range commit.Signatures {
			vector.SignBytes = append(vector.SignBytes, hex.EncodeToString(commit.VoteSignBytes(chainID, int32(index))))
		}
		wanted := types.BlockID{Hash: header.Hash(), PartSetHeader: commit.BlockID.PartSetHeader}
		vector.Fault = faultOf(set.VerifyCommit(chainID, wanted, header.Height, commit))
		vector.LightFault = faultOf(set.VerifyCommitLight(chainID, wanted, header.Height, commit))
		out = append(out, vector)
	}
	asItIs := func(*types.Commit) {}
	add("all votes", four, 0, nil, asItIs)
	add("one absent", four, 3, votes{1: absent}, asItIs)
	add("one for no block", four, 1, votes{2: voteNo}, asItIs)
	add("last round", four, math.MaxInt32, nil, asItIs)
	add("one absent, one for no block", four, 0, votes{1: absent, 2: voteNo}, asItIs)
	add("all absent", four, 0, votes{0: absent, 1: absent, 2: absent, 3: absent}, asItIs)
	add("a single validator", equalSet(5), 0, nil, asItIs)
	add("exactly two thirds", equalSet(0, 1, 2), 0, votes{1: absent}, asItIs)
	add("just over two thirds", setOf(map[int]int64{0: 10, 1: 10, 2: 9}), 0, votes{2: absent}, asItIs)
	add("weights, the light one missing", weighted, 0, votes{2: absent}, asItIs)
	add("weights, a heavy one missing", weighted, 0, votes{1: absent}, asItIs)
	add("twenty, some missing", setOf(many), 2, votes{0: absent, 5: voteNo, 9: absent}, asItIs)
	add("times of their own", four, 0, nil, func(commit *types.Commit) {
		for index, at := range []time.Time{time.Unix(0, 0), time.Unix(5, 0), time.Unix(-5, 7), {}} {
			commit.Signatures[index].Timestamp = at.UTC()
			sign(commit, four, index)
		}
	})
	add("another height", four, 0, nil, func(commit *types.Commit) {
		commit.Height++
		for index := range commit.Signatures {
			sign(commit, four, index)
		}
	})
	add("another block", four, 0, nil, func(commit *types.Commit) {
		commit.BlockID.Hash = digest("another", 0)
		for index := range commit.Signatures {
			sign(commit, four, index)
		}
	})
	add("a vote missing in the list", four, 0, nil, func(commit *types.Commit) {
		commit.Signatures = commit.Signatures[:3]
	})
	add("a vote too many", four, 0, nil, func(commit *types.Commit) {
		commit.Signatures = append(commit.Signatures, commit.Signatures[3])
	})
	add("two places exchanged", four, 0, nil, func(commit *types.Commit) {
		list := commit.Signatures
		list[0], list[1] = list[1], list[0]
	})
	add("first signature wrong", four, 0, nil, func(commit *types.Commit) { commit.Signatures[0].Signature[9] ^= 1 })
	add("last signature wrong, not needed", four, 0, nil, func(commit *types.Commit) {
		commit.Signatures[3].Signature[9] ^= 1
	})
	add("signature for no block wrong", four, 0, votes{2: voteNo}, func(commit *types.Commit) {
		for index := range commit.Signatures {
			if commit.Signatures[index].BlockIDFlag == voteNo {
				commit.Signatures[index].Signature[9] ^= 1
			}
		}
	})
	add("a vote for no block turned into one for it", four, 0, votes{2: voteNo}, func(commit *types.Commit) {
		for index := range commit.Signatures {
			commit.Signatures[index].BlockIDFlag = types.BlockIDFlagCommit
		}
	})
	add("a time changed after signing", four, 0, nil, func(commit *types.Commit) {
		commit.Signatures[1].Timestamp = commit.Signatures[1].Timestamp.Add(time.Nanosecond)
	})
	add("a round changed after signing", four, 0, nil, func(commit *types.Commit) { commit.Round = 1 })
	return out
}

// The light client's verdict on a way: from each block to the next. Where heights lie between, its contract leaves it open which set of
// the trusted header is asked, that of its height or the next one.
func followWay(blocks map[string]block, way []string, period time.Duration, now time.Time) error {
	for i := 1; i < len(way); i++ {
		from, to := blocks[way[i-1]], blocks[way[i]]
		verify := func(known *types.ValidatorSet) error {
			return light.Verify(
				from.signed(), known, to.signed(), to.set, period, now, 10*time.Second, light.DefaultTrustLevel)
		}
		if err := verify(from.set); err != nil && verify(from.next) != nil {
			return err
		}
	}
	return nil
}

func makeWays() (map[string]block, []wayVector) {
	a, b := equalSet(0, 1, 2, 3), equalSet(0, 1, 2, 4)
	c, d := equalSet(0, 1, 4, 5), equalSet(0, 4, 5, 6)
	others := equalSet(5, 6, 7, 8)
	third, overThird, strangers := equalSet(0, 1, 2), setOf(map[int]int64{0: 11, 1: 10, 2: 10}), equalSet(0, 7, 8)
	blocks := map[string]block{
		"1 of a":               blockOf(1, a, a, nil),
		"2 of a":               blockOf(2, a, a, votes{3: absent}),
		"3 of a":               blockOf(3, a, a, votes{1: voteNo}),
		"4 of a, then b":       blockOf(4, a, b, nil),
		"5 of b":               blockOf(5, b, b, votes{0: absent}),
		"5 of a still":         blockOf(5, a, a, nil),
		"9 of b":               blockOf(9, b, b, votes{2: absent}),
		"15 of c":              blockOf(15, c, c, votes{1: absent}),
		"20 of d":              blockOf(20, d, d, votes{0: absent}),
		"30 of a, then new":    blockOf(30, a, others, nil),
		"31 of new":            blockOf(31, others, others, nil),
		"33 of new":            blockOf(33, others, others, nil),
		"40 of three":          blockOf(40, third, third, nil),
		"40 of heavier":        blockOf(40, overThird, overThird, nil),
		"44 of one of three":   blockOf(44, strangers, strangers, nil),
		"9 of b, too few":      blockOf(9, b, b, votes{2: absent, 1: absent}),
		"9 of b, for no block": blockOf(9, b, b, votes{0: voteNo, 1: voteNo, 2: voteNo}),
	}
	early := headerOf(9, b, b)
	early.Time = timeAt(1)
	blocks["9 of b, as early as 1"] = block{early, commitOf(early, b, 0, nil), b, b}
	earlier := headerOf(2, a, a)
	earlier.Time = timeAt(1).Add(-time.Nanosecond)
	blocks["2 of a, earlier than 1"] = block{earlier, commitOf(earlier, a, 0, nil), a, a}
	later := headerOf(2, a, a)
	later.Time = timeAt(1).Add(time.Nanosecond)
	blocks["2 of a, just later than 1"] = block{later, commitOf(later, a, 0, nil), a, a}
	low := headerOf(5, b, b)
	low.Time = timeAt(10)
	blocks["5 of b, later than 9"] = block{low, commitOf(low, b, 0, nil), b, b}
	forged := blockOf(9, b, b, nil)
	for index := range forged.commit.Signatures {
		forged.commit.Signatures[index].Signature[40] ^= 1
	}
	blocks["9 of b, forged"] = forged

	const day = 24 * time.Hour
	soon := timeAt(60)
	var ways []wayVector
	add := func(name string, now time.Time, period time.Duration, way ...string) {
		ways = append(ways, wayVector{name, way, period.Milliseconds(), now.UnixMilli(),
			faultOf(followWay(blocks, way, period, time.UnixMilli(now.UnixMilli())))})
	}
	add("adjacent", soon, day, "1 of a", "2 of a")
	add("adjacent all along", soon, day, "1 of a", "2 of a", "3 of a", "4 of a, then b", "5 of b")
	add("adjacent, the set changes", soon, day, "4 of a, then b", "5 of b")
	add("adjacent, the set should have changed", soon, day, "4 of a, then b", "5 of a still")
	add("adjacent, to a wholly new set", soon, day, "30 of a, then new", "31 of new", "33 of new")
	add("skip, the same set", soon, day, "1 of a", "3 of a")
	add("skip to another set", soon, day, "1 of a", "9 of b")
	add("skip too far", soon, day, "1 of a", "15 of c")
	add("skip over a middle", soon, day, "1 of a", "9 of b", "15 of c", "20 of d")
	add("skip over a middle that does not lead there", soon, day, "1 of a", "9 of b", "20 of d")
	add("skip to the set that was named as next", soon, day, "30 of a, then new", "33 of new")
	add("skip to strangers", soon, day, "1 of a", "33 of new")
	add("skip by exactly a third", soon, day, "40 of three", "44 of one of three")
	add("skip by over a third", soon, day, "40 of heavier", "44 of one of three")
	add("skip to too few", soon, day, "1 of a", "9 of b, too few")
	add("skip to votes for no block", soon, day, "1 of a", "9 of b, for no block")
	add("skip to forged signatures", soon, day, "1 of a", "9 of b, forged")
	add("skip backwards", soon, day, "9 of b", "5 of b")
	add("skip backwards, at a later time", soon, day, "9 of b", "5 of b, later than 9")
	add("skip to a time not later", soon, day, "1 of a", "9 of b, as early as 1")
	add("adjacent, a time before", soon, day, "1 of a", "2 of a, earlier than 1")
	add("adjacent, a time just after", soon, day, "1 of a", "2 of a, just later than 1")
	add("adjacent, another header of the height", soon, day, "2 of a", "2 of a, just later than 1")
	add("skip within the period", timeAt(1).Add(day-time.Second), day, "1 of a", "9 of b")
	add("skip after the period", timeAt(1).Add(day+time.Second), day, "1 of a", "9 of b")
	add("adjacent after the period", timeAt(1).Add(day+time.Second), day, "1 of a", "2 of a")
	add("skip at the last moment of the period", timeAt(9).Add(day), day, "9 of b", "15 of c", "20 of d")
	add("slightly ahead of the verifier", timeAt(9).Add(-9*time.Second), day, "1 of a", "9 of b")
	add("from the future", timeAt(9).Add(-11*time.Second), day, "1 of a", "9 of b")
	add("over the future", timeAt(9).Add(-11*time.Second), day, "1 of a", "9 of b", "15 of c")
	return blocks, ways
}

func run(path string) error {
	blocks, ways := makeWays()
	out := file{
		Description: "What CometBFT v0.39.4 says of headers, commits and ways over them; written by packages/protocol/vectors/comet.",
		ChainID:     chainID,
		Headers:     makeHeaders(),
		Commits:     makeCommits(),
		Blocks:      map[string]blockVector{},
		Ways:        ways,
	}
	for name, made := range blocks {
		var header *cmtproto.Header = made.header.ToProto()
		out.Blocks[name] = blockVector{encode(header), encode(made.commit.ToProto()), listValidators(made.set)}
	}
	encoded, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o644)
}

func main() {
	if len(os.Args) != 2 {
		must(errors.New("usage: go run . <file>"))
	}
	must(run(os.Args[1]))
}
