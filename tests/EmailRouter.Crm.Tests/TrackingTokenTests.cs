namespace EmailRouter.Crm.Tests;

public sealed class TrackingTokenTests
{
    private static readonly OrganizationSettings defaults = new() { OrganizationId = Guid.Empty };

    [Theory]
    [InlineData(0, 3, 999, 1, 1, "CRM:0001001")]
    [InlineData(500, 3, 999, 1, 42, "CRM:0501042")]
    [InlineData(0, 1, 9, 3, 7, "CRM:037")]
    [InlineData(0, 3, 99999, 12, 345, "CRM:001200345")]
    [InlineData(0, 2, 999, 12345, 1, "CRM:012345001")]
    [InlineData(int.MaxValue, 10, 999_999_999, 1, 999_999_999, "CRM:02147483648999999999")]
    public void A_token_is_prefix_zero_user_and_counter(int idBase, int digits, int maximum, int user, int counter, string expected) =>
        Assert.Equal(expected, TrackingToken.Format(user, counter,
            defaults with { TrackingTokenIdBase = idBase, TrackingTokenIdDigits = digits, MaximumTrackingNumber = maximum }));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(998, 999)]
    [InlineData(999, 1)]
    [InlineData(5000, 1)]
    [InlineData(-1, 1)]
    public void The_counter_wraps_after_the_greatest_number(int counter, int next) => Assert.Equal(next, TrackingToken.Next(counter, defaults));

    [Theory]
    [InlineData("")]
    [InlineData("Hello")]
    [InlineData("CRM:")]
    [InlineData("CRM: 0001001")]
    [InlineData("CRM:01")]
    [InlineData("CRM:٠٠٠١٠٠١")]
    public void A_subject_without_a_token_has_no_candidates(string subject) => Assert.Empty(TrackingToken.Find(subject, defaults));

    [Theory]
    [InlineData("RE: Order CRM:0001042", "CRM:0001042")]
    [InlineData("CRM:0001042", "CRM:0001042")]
    [InlineData("re: order crm:0001042!", "CRM:0001042")]
    [InlineData("(CRM:0001042)", "CRM:0001042")]
    [InlineData("XCRM:0001042", "CRM:0001042")]
    [InlineData("CRM:CRM:0001042", "CRM:0001042")]
    [InlineData("CRM:0001001 and CRM:0001002", "CRM:0001002,CRM:0001001")]
    [InlineData("CRM:0001001 and CRM:0001001", "CRM:0001001")]
    [InlineData("CRM:00010012026", "CRM:00010012026,CRM:0001001")]
    [InlineData("made under other settings CRM:00123", "CRM:00123")]
    public void Candidates_come_in_order_of_preference(string subject, string expected) =>
        Assert.Equal(expected.Split(','), TrackingToken.Find(subject, defaults));

    [Fact]
    public void Earlier_prefixes_are_known_and_the_longest_token_at_a_place_wins()
    {
        OrganizationSettings settings = defaults with { TrackingPrefixes = ["CRM:", "MYCRM:", "Old-"] };

        Assert.Equal(["MYCRM:0001001", "CRM:0001001", "Old-0001002"], TrackingToken.Find("Old-0001002 MYCRM:0001001", settings));
    }

    [Fact]
    public void A_subject_full_of_tokens_has_a_bounded_number_of_candidates() =>
        Assert.Equal(16, TrackingToken.Find(string.Concat(Enumerable.Range(1000, 500).Select(i => $"CRM:000{i} ")), defaults).Count);

    [Fact]
    public void A_prefix_may_hold_characters_that_mean_something_in_expressions() =>
        Assert.Equal(["[a.b*]0001001"], TrackingToken.Find("RE: x [a.b*]0001001", defaults with { TrackingPrefixes = ["[a.b*]"] }));

    [Theory]
    [InlineData("Order", "Order CRM:0001001")]
    [InlineData("", "CRM:0001001")]
    [InlineData("Order  ", "Order CRM:0001001")]
    [InlineData("RE: Order CRM:0001001", "RE: Order CRM:0001001")]
    [InlineData("crm:0001001 Order", "crm:0001001 Order")]
    [InlineData("CRM:00010019 Order", "CRM:00010019 Order CRM:0001001")]
    public void A_token_is_put_at_the_end_unless_it_is_there(string subject, string expected) =>
        Assert.Equal(expected, TrackingToken.Insert(subject, "CRM:0001001", defaults));

    [Fact]
    public void A_long_subject_is_cut_so_that_the_token_fits()
    {
        string subject = TrackingToken.Insert(new string('x', 300), "CRM:0001001", defaults);

        Assert.Equal(255, subject.Length);
        Assert.EndsWith("x CRM:0001001", subject, StringComparison.Ordinal);
    }

    [Fact]
    public void Cutting_never_splits_a_character()
    {
        for (int length = 12; length < 40; length++)
        {
            string subject = TrackingToken.Insert(string.Concat(Enumerable.Repeat("😀", 30)), "CRM:0001001", defaults with { MaximumSubjectLength = length });

            Assert.True(subject.Length <= length);
            Assert.DoesNotContain('\uFFFD', System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(subject)));
            Assert.EndsWith("CRM:0001001", subject, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_token_that_does_not_fit_is_left_out() =>
        Assert.Equal("0123456789", TrackingToken.Insert("0123456789abc", "CRM:0001001", defaults with { MaximumSubjectLength = 10 }));

    [Fact]
    public void A_long_subject_that_bears_the_token_in_front_is_cut_and_keeps_it()
    {
        string subject = TrackingToken.Insert("CRM:0001001 " + new string('x', 300), "CRM:0001001", defaults);

        Assert.Equal(255, subject.Length);
        Assert.EndsWith(" CRM:0001001", subject, StringComparison.Ordinal);
    }
}
