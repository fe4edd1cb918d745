@{
    RootModule           = 'EmailRouter.PowerShell.dll'
    NestedModules        = @('EmailRouter.Loader.dll')
    ModuleVersion        = '0.1.0'
    GUID                 = '5d0f7a5c-3f0e-4a57-9b7c-0f6f0b6c8e21'
    Author               = 'The EmailRouter authors'
    Copyright            = 'Copyright (c) The EmailRouter authors. MIT licence.'
    Description          = 'Routes email between mail servers and CRM: polls mailboxes into email activities, sends pending email activities, and says of every message what was done and why.'
    PowerShellVersion    = '7.4'
    CompatiblePSEditions = @('Core')
    FormatsToProcess     = @('EmailRouter.Format.ps1xml')
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    CmdletsToExport      = @(
        'Deploy-InboxRule'
        'Get-CrmEmailActivity'
        'Get-CrmRecord'
        'Get-DeployedInboxRule'
        'Get-RouterDecision'
        'Get-RouterDeployment'
        'Get-RouterMailbox'
        'Get-RouterProfile'
        'Get-RouterQuarantine'
        'Import-CrmEmailActivity'
        'Import-CrmRecord'
        'Invoke-RouterPoll'
        'New-CrmEmailActivity'
        'New-CrmRecord'
        'New-RouterDeployment'
        'New-RouterProfile'
        'Register-RouterSignIn'
        'Remove-DeployedInboxRule'
        'Remove-RouterDeployment'
        'Remove-RouterProfile'
        'Save-RouterQuarantine'
        'Send-CrmEmailActivity'
        'Set-CrmRecord'
        'Set-RouterDeployment'
        'Set-RouterMailbox'
        'Set-RouterProfile'
        'Start-RouterLab'
        'Stop-RouterLab'
        'Test-RouterAccess'
        'Trace-RouterMessage'
    )
    PrivateData          = @{
        PSData = @{
            Tags         = @('Email', 'Mail', 'CRM', 'Dynamics365', 'Dataverse', 'POP3', 'SMTP', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'See CHANGELOG.md.'
        }
    }
}
