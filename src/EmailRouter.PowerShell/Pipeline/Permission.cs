namespace EmailRouter.PowerShell.Pipeline;

/// <summary>The answer to whether a change may be made.</summary>
internal enum Permission
{
    /// <summary>It may.</summary>
    Granted,

    /// <summary>Only as a dry run: <c>-WhatIf</c> is on.</summary>
    DryRun,

    /// <summary>It may not.</summary>
    Refused,
}
