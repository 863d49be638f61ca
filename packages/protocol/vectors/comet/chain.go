package main

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
)

const chainID = "lhg-vectors-comet"

var genesisTime = time.Date(2025, 1, 1, 0, 0, 0, 123456789, time.UTC)

// Keys by address, so that whoever stands at a place of a set can sign.
var keys = map[string]crypto.PrivKey{}

func keyOf(number int) crypto.PrivKey {
	key := ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprintf("lhg vector validator %d", number)))
	keys[key.PubKey().Address().String()] = key
	return key
}

// A set of validators by number, each with this power.
func setOf(powers map[int]int64) *types.ValidatorSet {
	var validators []*types.Validator
	for number, power := range powers {
		validators = append(validators, types.NewValidator(keyOf(number).PubKey(), power))
	}
	return types.NewValidatorSet(validators)
}

// Validators of power 10.
func equalSet(numbers ...int) *types.ValidatorSet {
	powers := map[int]int64{}
	for _, number := range numbers {
		powers[number] = 10
	}
	return setOf(powers)
}

func digest(text string, height int64) []byte {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s %d", text, height)))
	return sum[:]
}

func timeAt(height int64) time.Time {
	return genesisTime.Add(time.Duration(height) * time.Minute)
}

// What a header says where nothing else is wanted.
func headerOf(height int64, set, next *types.ValidatorSet) *types.Header {
	return &types.Header{
		Version: cmtversion.Consensus{Block: version.BlockProtocol, App: 1},
		ChainID: chainID,
		Height:  height,
		Time:    timeAt(height),
		LastBlockID: types.BlockID{
			Hash:          digest("block", height-1),
			PartSetHeader: types.PartSetHeader{Total: 1, Hash: digest("parts", height-1)},
		},
		LastCommitHash:     digest("commit", height),
		DataHash:           digest("data", height),
		ValidatorsHash:     set.Hash(),
		NextValidatorsHash: next.Hash(),
		ConsensusHash:      digest("consensus", 0),
		AppHash:            digest("app", height),
		LastResultsHash:    digest("results", height),
		EvidenceHash:       digest("evidence", height),
		ProposerAddress:    set.Validators[0].Address,
	}
}

// How each validator votes, by number of its key; for the block where nothing is said.
type votes map[int]types.BlockIDFlag

func commitOf(header *types.Header, set *types.ValidatorSet, round int32, said votes) *types.Commit {
	flags := map[string]types.BlockIDFlag{}
	for number, flag := range said {
		flags[keyOf(number).PubKey().Address().String()] = flag
	}
	commit := &types.Commit{
		Height: header.Height,
		Round:  round,
		BlockID: types.BlockID{
			Hash:          header.Hash(),
			PartSetHeader: types.PartSetHeader{Total: 2, Hash: digest("parts", header.Height)},
		},
	}
	for index, validator := range set.Validators {
		flag, ok := flags[validator.Address.String()]
		if !ok {
			flag = types.BlockIDFlagCommit
		}
		if flag == types.BlockIDFlagAbsent {
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		commit.Signatures = append(commit.Signatures, types.CommitSig{
			BlockIDFlag:      flag,
			ValidatorAddress: validator.Address,
			// Each validator has its own clock.
			Timestamp: header.Time.Add(time.Duration(1000+7*index) * time.Millisecond),
		})
		sign(commit, set, index)
	}
	return commit
}

func sign(commit *types.Commit, set *types.ValidatorSet, index int) {
	key := keys[set.Validators[index].Address.String()]
	signature, err := key.Sign(commit.VoteSignBytes(chainID, int32(index)))
	must(err)
	commit.Signatures[index].Signature = signature
}

// A header, its commit and both sets.
type block struct {
	header    *types.Header
	commit    *types.Commit
	set, next *types.ValidatorSet
}

func blockOf(height int64, set, next *types.ValidatorSet, said votes) block {
	header := headerOf(height, set, next)
	return block{header, commitOf(header, set, 0, said), set, next}
}

func (b block) signed() *types.SignedHeader {
	return &types.SignedHeader{Header: b.header, Commit: b.commit}
}
