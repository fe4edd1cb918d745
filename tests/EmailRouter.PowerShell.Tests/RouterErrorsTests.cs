using System.Management.Automation;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Tests;

public sealed class RouterErrorsTests
{
    [Fact]
    public void Own_ids_are_unique_and_carry_the_prefix()
    {
        Assert.Equal(RouterErrors.OwnIds.Count, RouterErrors.OwnIds.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(RouterErrors.OwnIds, id => Assert.Matches("^(Router|Crm)[A-Z]", id));
    }

    [Fact]
    public void Every_own_id_has_a_category() => Assert.All(RouterErrors.OwnIds, id => Assert.NotEqual(ErrorCategory.NotSpecified, Category(id)));

    [Theory]
    [InlineData("RouterMailboxNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("CrmStoreLocked", ErrorCategory.ResourceBusy)]
    [InlineData("CrmStoreCorrupt", ErrorCategory.InvalidData)]
    [InlineData("MailAuthenticationFailed", ErrorCategory.AuthenticationError)]
    [InlineData("MailCertificateRefused", ErrorCategory.SecurityError)]
    [InlineData("RouterStorageDenied", ErrorCategory.PermissionDenied)]
    [InlineData("RouterConfigurationInvalid", ErrorCategory.InvalidData)]
    [InlineData("RouterUnexpected", ErrorCategory.NotSpecified)]
    public void The_category_follows_from_the_id(string id, ErrorCategory expected) => Assert.Equal(expected, Category(id));

    private static ErrorCategory Category(string id) =>
        RouterErrors.CategoryOf(new RouterError(id, "Step", "What happened.", "What to do.", IsTransient: false));
}
